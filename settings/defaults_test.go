package settings_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/settings"
)

func TestSettings_defaults(t *testing.T) {
	assert.Equal(t, settings.Settings{
		AuthenticationMethod:             settings.Plain,
		SendNetworkPerformanceEvents:     settings.On,
		SendAsBatch:                      settings.On,
		IncludeLocationInformation:       settings.On,
		IncludeMetadata:                  settings.On,
		IncludeUserAttributeChangeEvents: settings.Off,
		IncludeUserIdentityChangeEvents:  settings.Off,
		SendBatchesWithoutEvents:         settings.On,
		IncludeMPDeviceID:                settings.Off,
		IncludeEventBatchLocation:        settings.Off,
		TLS:                              settings.TLS{MinVersion: settings.TLS12},
		Delivery: settings.Delivery{
			ClientID:         "eventferry",
			Compression:      settings.Zstd,
			CompressionLevel: 1,
			MaxMessageBytes:  1_000_000,
			MaxRequestBytes:  1_040_000,
			MaxBufferedBytes: 64 << 20,
			Partitioner:      settings.Murmur2,
		},
		Spool: settings.Spool{MaxBytes: 10 << 30},
	}, settings.Settings{}.WithDefaults())
}

func TestDelivery_defaultLevelIsTheCodecs(t *testing.T) {
	for codec, level := range map[settings.Compression]int{
		settings.NoCompression: 0, settings.Gzip: 6, settings.Snappy: 0, settings.LZ4: 0, settings.Zstd: 1,
	} {
		s := settings.Settings{Delivery: settings.Delivery{Compression: codec}}.WithDefaults()
		assert.Equal(t, level, s.Delivery.CompressionLevel, codec)
	}
}

func TestDelivery_defaultRequestHoldsTheLargestMessage(t *testing.T) {
	for message, request := range map[int]int{
		1: 1_040_000, 1_000_000: 1_040_000, 1_038_976: 1_040_000, 1_038_977: 1_040_001, 100_000_000: 100_001_024,
	} {
		s := valid()
		s.Delivery.MaxMessageBytes, s.Delivery.MaxBufferedBytes = message, 400_000_000
		assert.Equal(t, request, s.WithDefaults().Delivery.MaxRequestBytes, message)
		assert.NoError(t, s.Validate(), message)
		assert.NoError(t, s.WithDefaults().Validate(), message)
	}
	s := settings.Settings{Delivery: settings.Delivery{MaxRequestBytes: 5_000_000}}.WithDefaults()
	assert.Equal(t, 5_000_000, s.Delivery.MaxRequestBytes)
}
