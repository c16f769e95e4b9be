package forwarder

import (
	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/deliver"
	"github.com/eventferry/eventferry/forwarder/internal/engine"
	"github.com/eventferry/eventferry/partition"
	"github.com/eventferry/eventferry/settings"
)

// WithSaramaProducer delivers with Sarama's AsyncProducer, for whoever wants the
// stock producer, instead of eventferry's own engine on Sarama's connections.
// Messages and their order are the same; what this producer cannot do, and how
// its outcomes differ, is listed under "Limits of Sarama's producer".
func WithSaramaProducer() Option {
	return optionFunc(func(o *options) { o.sarama = true })
}

// newProducer is what delivers. cfg is the configuration that the probe has
// just used, or would have.
func newProducer(s settings.Settings, o options, p *probe, cfg *sarama.Config) (deliver.Producer, error) {
	place := hash(s, o)
	if o.sarama {
		return deliver.NewAsync(deliver.AsyncConfig{
			Servers:     s.Servers(),
			Topic:       s.TopicName,
			Sarama:      cfg,
			Partitioner: partition.ByUser(place)(s.TopicName),
		})
	}
	return engine.New(engine.Config{
		Servers: s.Servers(),
		Topic:   s.TopicName,
		Sarama:  cfg,
		Connect: p.credentials,
		Hash:    place,
	})
}

func hash(s settings.Settings, o options) partition.Func {
	if o.partitioner != nil {
		return o.partitioner
	}
	switch s.Delivery.Partitioner {
	case settings.FNV1a:
		return partition.FNV1a
	case settings.CRC32:
		return partition.CRC32
	default:
		return partition.Murmur2
	}
}
