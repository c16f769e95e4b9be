package client

import (
	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/settings"
)

// compress sets codec and level. The names are the ones Sarama has, too.
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
