package settings

import "cmp"

// WithDefaults returns s with every documented default filled in: no toggle is
// [Default], and no field is zero whose default is not. Fields that s has set
// stay as they are, mistakes included.
func (s Settings) WithDefaults() Settings {
	s.AuthenticationMethod = cmp.Or(s.AuthenticationMethod, Plain)

	s.SendNetworkPerformanceEvents = cmp.Or(s.SendNetworkPerformanceEvents, On)
	s.SendAsBatch = cmp.Or(s.SendAsBatch, On)
	s.IncludeLocationInformation = cmp.Or(s.IncludeLocationInformation, On)
	s.IncludeMetadata = cmp.Or(s.IncludeMetadata, On)
	s.IncludeUserAttributeChangeEvents = cmp.Or(s.IncludeUserAttributeChangeEvents, Off)
	s.IncludeUserIdentityChangeEvents = cmp.Or(s.IncludeUserIdentityChangeEvents, Off)
	s.SendBatchesWithoutEvents = cmp.Or(s.SendBatchesWithoutEvents, On)
	s.IncludeMPDeviceID = cmp.Or(s.IncludeMPDeviceID, Off)
	s.IncludeEventBatchLocation = cmp.Or(s.IncludeEventBatchLocation, Off)

	s.TLS.MinVersion = cmp.Or(s.TLS.MinVersion, TLS12)

	s.Delivery = s.Delivery.withDefaults()
	s.Spool = s.Spool.withDefaults()
	return s
}

func (d Delivery) withDefaults() Delivery {
	d.ClientID = cmp.Or(d.ClientID, "eventferry")
	d.Compression = cmp.Or(d.Compression, Zstd)
	d.CompressionLevel = cmp.Or(d.CompressionLevel, d.Compression.levels().usual)
	d.MaxMessageBytes = cmp.Or(d.MaxMessageBytes, 1_000_000)
	d.MaxRequestBytes = cmp.Or(d.MaxRequestBytes, max(1_040_000, d.MaxMessageBytes+requestOverhead))
	d.MaxBufferedBytes = cmp.Or(d.MaxBufferedBytes, 64<<20)
	d.Partitioner = cmp.Or(d.Partitioner, Murmur2)
	return d
}

func (s Spool) withDefaults() Spool {
	s.MaxBytes = cmp.Or(s.MaxBytes, 10<<30)
	return s
}

// requestOverhead is the room that a request needs beside its messages: for its
// header, the client id and the topic.
const requestOverhead = 1_024

// levels are the compression levels of a codec, or all zero where it has none.
type levels struct{ lowest, highest, usual int }

func (c Compression) levels() levels {
	switch c {
	case Zstd:
		return levels{lowest: 1, highest: 22, usual: 1}
	case Gzip:
		return levels{lowest: 1, highest: 9, usual: 6}
	default:
		return levels{}
	}
}
