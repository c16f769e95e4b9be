package contender

import (
	"fmt"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/work"
	"github.com/eventferry/eventferry/forwarder/internal/client"
	"github.com/eventferry/eventferry/forwarder/internal/deliver"
	"github.com/eventferry/eventferry/forwarder/internal/gather"
	"github.com/eventferry/eventferry/partition"
)

// seam is a producer that a forwarder can have, given ready-made messages.
type seam struct{ producer deliver.Producer }

// newSeam puts behind the seam what start makes of a forwarder's configuration.
func newSeam(j peer.Job, start func(peer.Job, *sarama.Config) (deliver.Producer, error)) (contender, error) {
	s := jobSettings(j).WithDefaults()
	tc, err := s.TLS.Config()
	if err != nil {
		return nil, fmt.Errorf("contender: %w", err)
	}
	scram := &auth.SCRAM{UserName: s.UserName, Password: s.Password, Hash: auth.SHA512}
	cfg, err := client.Config(s, &gather.Dialer{TLS: tc}, scram)
	if err != nil {
		return nil, fmt.Errorf("contender: %w", err)
	}
	p, err := start(j, cfg)
	if err != nil {
		return nil, fmt.Errorf("contender: %w", err)
	}
	return seam{p}, nil
}

// startAdapter is the adapter to AsyncProducer.
func startAdapter(j peer.Job, cfg *sarama.Config) (deliver.Producer, error) {
	return deliver.NewAsync(deliver.AsyncConfig{
		Servers: servers(j), Topic: j.Topic, Sarama: cfg, Partitioner: partition.ByUser(partition.Murmur2)(j.Topic),
	})
}

// A settler takes the result of a single message.
type settler func(error)

// Settle implements [deliver.Settler].
func (s settler) Settle(_ int, r deliver.Result) { s(r.Err) }

// single is a group of one message in one piece, as a forwarder's delivery of one is.
type single struct {
	group   deliver.Group
	message [1]deliver.Message
}

func (c seam) start(i *work.Item, done func(error)) {
	s := &single{message: [1]deliver.Message{{Key: i.Key, Value: i.Value}}}
	s.group.Messages, s.group.Owner = s.message[:], settler(done)
	c.producer.Submit(&s.group)
}

func (c seam) wait(items []*work.Item) error { return starter(c.start).waitAll(items) }

func (c seam) close() { _ = c.producer.Close() }
