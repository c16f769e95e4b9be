package contender

import (
	"fmt"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/work"
	"github.com/eventferry/eventferry/partition"
)

// async is Sarama's AsyncProducer as one would write it: idempotent, with the
// settings that lose nothing, sending whenever the wire is free, and with long
// channels, which serve it.
type async struct {
	topic    string
	producer sarama.AsyncProducer
}

func asyncConfig(j peer.Job) (*sarama.Config, error) {
	s := jobSettings(j).WithDefaults()
	tc, err := s.TLS.Config()
	if err != nil {
		return nil, fmt.Errorf("contender: %w", err)
	}
	cfg := sarama.NewConfig()
	cfg.Version = sarama.V3_7_0_0
	cfg.Net.TLS.Enable, cfg.Net.TLS.Config = true, tc
	scram := &auth.SCRAM{UserName: s.UserName, Password: s.Password, Hash: auth.SHA512}
	if err := scram.Apply(cfg); err != nil {
		return nil, fmt.Errorf("contender: %w", err)
	}
	cfg.Net.MaxOpenRequests = 1
	cfg.Metadata.Full, cfg.Metadata.AllowAutoTopicCreation = false, false
	const retries = 1000
	cfg.Metadata.Retry.Max = retries
	cfg.ChannelBufferSize = 4096
	p := &cfg.Producer
	p.Idempotent, p.RequiredAcks, p.Retry.Max = true, sarama.WaitForAll, retries
	p.Return.Successes, p.Return.Errors = true, true
	p.Partitioner = partition.ByUser(partition.Murmur2)
	p.MaxMessageBytes = s.Delivery.MaxMessageBytes
	if err := p.Compression.UnmarshalText([]byte(j.Codec)); err != nil {
		return nil, fmt.Errorf("contender: %w", err)
	}
	if j.Codec == "zstd" {
		p.CompressionLevel = 1
	}
	return cfg, nil
}

func newSarama(j peer.Job) (contender, error) {
	cfg, err := asyncConfig(j)
	if err != nil {
		return nil, err
	}
	p, err := sarama.NewAsyncProducer(servers(j), cfg)
	if err != nil {
		return nil, fmt.Errorf("contender: %w", err)
	}
	c := &async{j.Topic, p}
	go func() {
		for m := range p.Successes() {
			m.Metadata.(func(error))(nil) //nolint:errcheck // as start has put it
		}
	}()
	go func() {
		for e := range p.Errors() {
			e.Msg.Metadata.(func(error))(e.Err) //nolint:errcheck // as start has put it
		}
	}()
	return c, nil
}

func (c *async) start(i *work.Item, done func(error)) {
	c.producer.Input() <- &sarama.ProducerMessage{
		Topic: c.topic, Key: sarama.ByteEncoder(i.Key), Value: sarama.ByteEncoder(i.Value), Metadata: done,
	}
}

func (c *async) wait(items []*work.Item) error { return starter(c.start).waitAll(items) }

func (c *async) close() { c.producer.AsyncClose() }
