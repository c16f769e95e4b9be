package contender

import (
	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
	"github.com/eventferry/eventferry/forwarder/internal/deliver"
	"github.com/eventferry/eventferry/forwarder/internal/engine"
	"github.com/eventferry/eventferry/partition"
)

// startEngine is the producer that a forwarder has.
func startEngine(j peer.Job, cfg *sarama.Config) (deliver.Producer, error) {
	return engine.New(engine.Config{Servers: servers(j), Topic: j.Topic, Sarama: cfg, Hash: partition.Murmur2})
}
