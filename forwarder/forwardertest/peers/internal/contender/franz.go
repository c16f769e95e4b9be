package contender

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/work"
)

// linger is what those have that are made for it; longLinger is what franz-go
// has by default.
const (
	linger     = 5 * time.Millisecond
	longLinger = 10 * time.Millisecond
)

type franz struct {
	topic  string
	client *kgo.Client
}

func newFranz(j peer.Job, wait time.Duration) (*franz, error) {
	tc, err := jobSettings(j).TLS.Config()
	if err != nil {
		return nil, fmt.Errorf("contender: %w", err)
	}
	codec := kgo.NoCompression()
	switch j.Codec {
	case "lz4":
		codec = kgo.Lz4Compression()
	case "zstd":
		codec = kgo.ZstdCompression().WithLevel(1)
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(servers(j)...),
		kgo.DialTLSConfig(tc),
		kgo.SASL(scram.Auth{User: j.User, Pass: j.Password}.AsSha512Mechanism()),
		kgo.ProducerBatchCompression(codec),
		kgo.ProducerLinger(wait),
		kgo.MaxBufferedRecords(math.MaxInt32), // no bound that others do not have
		kgo.RequiredAcks(kgo.AllISRAcks()),    // idempotent by default; murmur2, too
	)
	if err != nil {
		return nil, fmt.Errorf("contender: %w", err)
	}
	return &franz{j.Topic, client}, nil
}

func (c *franz) start(i *work.Item, done func(error)) {
	c.client.Produce(context.Background(), &kgo.Record{Topic: c.topic, Key: i.Key, Value: i.Value},
		func(_ *kgo.Record, err error) { done(err) })
}

func (c *franz) wait(items []*work.Item) error { return starter(c.start).waitAll(items) }

func (c *franz) close() { c.client.Close() }
