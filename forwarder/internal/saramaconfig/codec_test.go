package saramaconfig

import (
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

func TestConfig_codecs(t *testing.T) {
	for name, want := range map[settings.Compression]sarama.CompressionCodec{
		settings.NoCompression: sarama.CompressionNone,
		settings.Gzip:          sarama.CompressionGZIP,
		settings.Snappy:        sarama.CompressionSnappy,
		settings.LZ4:           sarama.CompressionLZ4,
		settings.Zstd:          sarama.CompressionZSTD,
	} {
		cfg := configured(t, settings.Settings{Delivery: settings.Delivery{Compression: name}}, nil)
		assert.Equal(t, want, cfg.Producer.Compression, name)
	}
}

func TestConfig_unknownCodec(t *testing.T) {
	s := settings.Settings{Delivery: settings.Delivery{Compression: "brotli"}}
	_, err := Config(s.WithDefaults(), noDialer{}, nil)
	var field *settings.FieldError
	require.ErrorAs(t, err, &field)
	assert.Equal(t, "delivery.compression", field.Field)
}
