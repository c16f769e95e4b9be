package contender

import (
	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
	"github.com/eventferry/eventferry/forwarder/internal/engine"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/partition"
)

// startEngine is the producer that a forwarder has.
func startEngine(j peer.Job, cfg *sarama.Config) (producer.Producer, error) {
	return engine.New(engineConfig(j, cfg))
}

// startEngineWithLargeRequests is startEngine without the default limit of requests.
func startEngineWithLargeRequests(j peer.Job, cfg *sarama.Config) (producer.Producer, error) {
	c := engineConfig(j, cfg)
	c.MaxRequestBytes = 100 << 20 // 2 MiB bound what it gathers, also without a codec
	return engine.New(c)
}

func engineConfig(j peer.Job, cfg *sarama.Config) engine.Config {
	return engine.Config{Servers: servers(j), Topic: j.Topic, Sarama: cfg, Hash: partition.Murmur2}
}
