package contender

import (
	"crypto/tls"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/work"
	"github.com/eventferry/eventferry/forwarder/internal/deliver"
	"github.com/eventferry/eventferry/partition"
)

const retryPause = 100 * time.Millisecond

// saramaConfig is what both of Sarama's contenders have: an idempotent producer
// that sends whenever the wire is free.
func saramaConfig(j peer.Job) (*sarama.Config, *tls.Config, error) {
	s := jobSettings(j).WithDefaults()
	tc, err := s.TLS.Config()
	if err != nil {
		return nil, nil, fmt.Errorf("contender: %w", err)
	}
	cfg := sarama.NewConfig()
	cfg.Version = sarama.V3_7_0_0
	cfg.Net.TLS.Enable, cfg.Net.TLS.Config = true, tc
	scram := &auth.SCRAM{UserName: s.UserName, Password: s.Password, Hash: auth.SHA512}
	if err := scram.Apply(cfg); err != nil {
		return nil, nil, fmt.Errorf("contender: %w", err)
	}
	cfg.Net.MaxOpenRequests = 1
	cfg.Metadata.Full, cfg.Metadata.AllowAutoTopicCreation = false, false
	const retries = 1000
	cfg.Metadata.Retry.Max = retries
	p := &cfg.Producer
	p.Idempotent, p.RequiredAcks, p.Retry.Max = true, sarama.WaitForAll, retries
	p.Retry.BackoffFunc = func(int, int) time.Duration { return retryPause }
	p.Return.Successes, p.Return.Errors = true, true
	p.MaxMessageBytes = s.Delivery.MaxMessageBytes
	if err := p.Compression.UnmarshalText([]byte(j.Codec)); err != nil {
		return nil, nil, fmt.Errorf("contender: %w", err)
	}
	p.CompressionLevel = sarama.CompressionLevelDefault
	if j.Codec == "zstd" {
		p.CompressionLevel = 1
	}
	return cfg, tc, nil
}

// async is Sarama's AsyncProducer, with the settings that lose nothing and long
// channels, which serve it.
type async struct {
	topic    string
	producer sarama.AsyncProducer
}

func newSarama(j peer.Job) (contender, error) {
	cfg, _, err := saramaConfig(j)
	if err != nil {
		return nil, err
	}
	cfg.Producer.Partitioner = partition.ByUser(partition.Murmur2)
	cfg.ChannelBufferSize = 4096
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

// seam is the producer that a forwarder has, given ready-made messages.
type seam struct{ producer deliver.Producer }

func newSeam(j peer.Job) (contender, error) {
	cfg, tc, err := saramaConfig(j)
	if err != nil {
		return nil, err
	}
	cfg.Net.TLS.Enable = false // connections come from the dialer with TLS on them, as a forwarder's do
	cfg.Net.Proxy.Enable, cfg.Net.Proxy.Dialer = true, &tls.Dialer{Config: tc}
	cfg.Producer.Partitioner = sarama.NewManualPartitioner
	p, err := deliver.NewAsync(deliver.AsyncConfig{
		Servers: servers(j), Topic: j.Topic, Sarama: cfg, Partitioner: partition.ByUser(partition.Murmur2)(j.Topic),
	})
	if err != nil {
		return nil, fmt.Errorf("contender: %w", err)
	}
	return seam{p}, nil
}

// A settler takes the result of a single message.
type settler func(error)

// Settle implements [deliver.Settler].
func (s settler) Settle(_ int, r deliver.Result) { s(r.Err) }

func (c seam) start(i *work.Item, done func(error)) {
	c.producer.Submit(&deliver.Group{Messages: []deliver.Message{{Key: i.Key, Value: i.Value}}, Owner: settler(done)})
}

func (c seam) wait(items []*work.Item) error { return starter(c.start).waitAll(items) }

func (c seam) close() { _ = c.producer.Close() }
