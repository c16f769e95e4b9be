package saramaconfig

import (
	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/settings"
)

// compress sets the codec and its level. Sarama knows the codecs by the same
// names.
func compress(cfg *sarama.Config, d settings.Delivery) error {
	if err := cfg.Producer.Compression.UnmarshalText([]byte(d.Compression)); err != nil {
		return &settings.FieldError{Field: "delivery.compression", Value: string(d.Compression), Reason: "unknown codec"}
	}
	cfg.Producer.CompressionLevel = sarama.CompressionLevelDefault
	if d.CompressionLevel != 0 {
		cfg.Producer.CompressionLevel = d.CompressionLevel
	}
	return nil
}
