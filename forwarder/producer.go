package forwarder

import (
	"context"
	"slices"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/asyncproducer"
	"github.com/eventferry/eventferry/forwarder/internal/choose"
	"github.com/eventferry/eventferry/forwarder/internal/connect"
	"github.com/eventferry/eventferry/forwarder/internal/engine"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/timestamp"
	"github.com/eventferry/eventferry/partition"
	"github.com/eventferry/eventferry/settings"
)

// newProducers returns the producers that o asks for, one for each topic. cfg is the
// configuration that the first probe, of one for each topic, has just used, or would have. The engine's share
// their connections. use is nil without a spool; with one the engines continue what a
// former process has begun, and keep journals.
func newProducers(
	ctx context.Context, s settings.Settings, topics []string, o options, probes []*connect.Probe, cfg *sarama.Config, use *spoolUse,
) ([]producer.Producer, error) {
	if o.sarama {
		return newStockProducers(s, topics, o, cfg)
	}
	p := probes[0]
	c := engine.Config{
		Servers:         s.Servers(),
		Sarama:          cfg,
		Configure:       p.Config,
		MaxRequestBytes: s.Delivery.MaxRequestBytes,
		Hash:            hash(s, o),
		Clock:           timestamp.FromContext(ctx),

		MaxConnectionAge: s.Delivery.MaxConnectionAge,
		RenewalRefused:   newRenewalLog(o.logger, p.ExplainConnection, o.renewalsRefused).refused,
	}
	if use != nil {
		c.JournalOf, c.LastTimestamp, c.RefuseDoubtful = use.journalOf, use.lastTimestamp, use.hold
		c.Explain = func(topic string, err error) error { return probes[slices.Index(topics, topic)].ExplainDelivery(err) }
		c.ProducerIDExpiration = use.producerIDExpiration
	}
	engines, err := engine.NewForTopics(c, topics)
	if err != nil {
		return nil, err
	}
	list := make([]producer.Producer, len(engines))
	for i, e := range engines {
		list[i] = e
	}
	return list, nil
}

// newStockProducers returns one of Sarama's producers for each topic.
func newStockProducers(s settings.Settings, topics []string, o options, cfg *sarama.Config) ([]producer.Producer, error) {
	list := make([]producer.Producer, 0, len(topics))
	for _, topic := range topics {
		own := *cfg // a producer changes its own
		p, err := asyncproducer.New(asyncproducer.Config{Servers: s.Servers(), Topic: topic, Sarama: &own, Hash: hash(s, o)})
		if err != nil {
			for _, open := range list {
				_ = open.Close()
			}
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// hash returns the function that chooses the partition of a key.
func hash(s settings.Settings, o options) partition.Func {
	if o.partitioner != nil {
		return choose.Isolated(o.partitioner)
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
