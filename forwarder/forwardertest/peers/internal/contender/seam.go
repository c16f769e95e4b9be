package contender

import (
	"fmt"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/work"
	"github.com/eventferry/eventferry/forwarder/internal/asyncproducer"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/saramaconfig"
	"github.com/eventferry/eventferry/forwarder/internal/tlsbuffer"
	"github.com/eventferry/eventferry/partition"
)

// seam is a producer that a forwarder can have, given ready-made messages.
type seam struct{ producer producer.Producer }

// newSeam puts behind the seam what start makes of a forwarder's configuration.
func newSeam(j peer.Job, start func(peer.Job, *sarama.Config) (producer.Producer, error)) (contender, error) {
	s := jobSettings(j).WithDefaults()
	tc, err := s.TLS.Config()
	if err != nil {
		return nil, fmt.Errorf("contender: %w", err)
	}
	scram := &auth.SCRAM{UserName: s.UserName, Password: s.Password, Hash: auth.SHA512}
	cfg, err := saramaconfig.Config(s, &tlsbuffer.Dialer{TLS: tc}, scram)
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
func startAdapter(j peer.Job, cfg *sarama.Config) (producer.Producer, error) {
	return asyncproducer.New(asyncproducer.Config{
		Servers: servers(j), Topic: j.Topic, Sarama: cfg, Hash: partition.Murmur2,
	})
}

// A settler takes the result of a single message.
type settler func(error)

// Settle implements [producer.Settler].
func (s settler) Settle(_ int, r producer.Result) { s(r.Err) }

// single is a group of one message in one piece, as a forwarder's delivery of one is.
type single struct {
	group   producer.Group
	message [1]producer.Message
}

func (c seam) start(i *work.Item, done func(error)) {
	s := &single{message: [1]producer.Message{{Key: i.Key, Value: i.Value}}}
	s.group.Messages, s.group.Owner = s.message[:], settler(done)
	c.producer.Submit(&s.group)
}

func (c seam) wait(items []*work.Item) error { return starter(c.start).waitAll(items) }

func (c seam) close() { _ = c.producer.Close() }
