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
			MaxBufferedBytes: 64 << 20,
			Partitioner:      settings.Murmur2,
		},
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
