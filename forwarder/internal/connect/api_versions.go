package connect

import (
	"encoding/binary"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/settings"
)

// apiVersions are the newest versions of requests that a broker knows, by API key.
// nil: it has not told.
type apiVersions map[int16]int16

// API keys and versions of Kafka's protocol.
const (
	keyProduce          = 0
	keyInitProducerID   = 22
	keySASLAuthenticate = 36

	produceRecordBatches = 3 // Kafka 0.11
	produceZstd          = 7 // Kafka 2.1, KIP-110

	maxAPIs = 1000
)

// knows reports whether the broker knows a request, and in this version.
func (v apiVersions) knows(key, version int16) bool {
	newest, ok := v[key]
	return ok && newest >= version
}

// beforeSASLAuthenticate reports whether the broker is older than Kafka 1.0, with
// which SASL became a part of Kafka's protocol (KIP-152).
func (v apiVersions) beforeSASLAuthenticate() bool {
	return v != nil && !v.knows(keySASLAuthenticate, 0)
}

// checkVersions refuses a broker that cannot write what it would be sent. A broker
// that has not told its versions is taken at its word later.
func (p *Probe) checkVersions(server string, v apiVersions) error {
	switch {
	case v == nil:
		return nil
	case !v.knows(keyProduce, produceRecordBatches) || !v.knows(keyInitProducerID, 0):
		return refusef("%s has no idempotent producer: needs Kafka 0.11 or newer: %w", server, sarama.ErrUnsupportedVersion)
	case p.delivery.Compression == settings.Zstd && !v.knows(keyProduce, produceZstd):
		return refusef("%s cannot read zstd, which needs Kafka 2.1 or newer: set delivery.compression to none, gzip, snappy or lz4: %w",
			server, sarama.ErrUnsupportedCompressionType)
	default:
		return nil
	}
}

// apiVersions reads the versions from the broker's first answers: Sarama asks for
// them first of all, and does not pass them on. A broker that does not know the
// version of that question says so, and is asked again.
func (c *sniffedConn) apiVersions() apiVersions {
	for _, answer := range firstFrames(c.received, 2) {
		if len(answer) < 6 { // correlation id, error
			return nil
		}
		code := sarama.KError(binary.BigEndian.Uint16(answer[4:])) //nolint:gosec // as the protocol has it
		switch body := answer[6:]; code {
		case sarama.ErrNoError:
			if v := parseClassicVersions(body); v != nil {
				return v
			}
			return parseFlexibleVersions(body)
		case sarama.ErrUnsupportedVersion:
		default:
			return nil
		}
	}
	return nil
}

// parseClassicVersions reads versions 0 to 2 of the answer, which end with the
// list or with a throttle time. It returns nil for what is none of these.
func parseClassicVersions(body []byte) apiVersions {
	const entry = 6 // key, oldest, newest
	if len(body) < 4 {
		return nil
	}
	n := binary.BigEndian.Uint32(body)
	if rest := uint64(len(body) - 4); n > maxAPIs || rest != uint64(n)*entry && rest != uint64(n)*entry+4 {
		return nil
	}
	v := make(apiVersions, n)
	for list := body[4:]; n > 0; n, list = n-1, list[entry:] {
		v.add(list)
	}
	return v
}

// parseFlexibleVersions reads versions 3 and later: a compact array, each entry of
// which ends with tags. It returns nil for what it does not understand.
func parseFlexibleVersions(body []byte) apiVersions {
	n, size := binary.Uvarint(body)
	if size <= 0 || n == 0 || n > maxAPIs {
		return nil
	}
	v := make(apiVersions, n-1)
	body = body[size:]
	for ; n > 1; n-- {
		if len(body) < 7 || body[6] != 0 { // no tag is defined there
			return nil
		}
		v.add(body)
		body = body[7:]
	}
	return v
}

// add reads key, oldest and newest version.
func (v apiVersions) add(entry []byte) {
	v[int16(binary.BigEndian.Uint16(entry))] = int16(binary.BigEndian.Uint16(entry[4:])) //nolint:gosec // as the protocol has it
}
