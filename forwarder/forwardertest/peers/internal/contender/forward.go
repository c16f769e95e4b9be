package contender

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/work"
	"github.com/eventferry/eventferry/settings"
)

// jobSettings are those of a forwarder that does j.
func jobSettings(j peer.Job) settings.Settings {
	var s settings.Settings
	s.BootstrapServers, s.TopicName = j.Servers, j.Topic
	s.AuthenticationMethod, s.UserName, s.Password = settings.SCRAMSHA512, j.User, settings.NewSecret(j.Password)
	s.TLS.CAFile = j.CAFile
	s.Delivery.Compression = settings.Compression(j.Codec)
	if j.Codec == "zstd" {
		s.Delivery.CompressionLevel = 1
	}
	work.Switches(&s)
	return s
}

// forward is the forwarder itself, with batches parsed beforehand. Their bytes
// change between calls, under the parser's eyes: a number keeps its place and
// its length, so the index of the batch stays true.
type forward struct {
	f       *forwarder.Forwarder
	batches map[*work.Item]*batch.Batch
}

func newForward(ctx context.Context, j peer.Job, items []*work.Item, opts ...forwarder.Option) (*forward, error) {
	c := &forward{batches: make(map[*work.Item]*batch.Batch, len(items))}
	for _, i := range items {
		b, err := batch.Parse(i.Input)
		if err != nil {
			return nil, fmt.Errorf("contender: %w", err)
		}
		c.batches[i] = b
	}
	opts = append(opts, forwarder.WithLogger(slog.New(slog.DiscardHandler)))
	f, err := forwarder.New(ctx, jobSettings(j), opts...)
	if err != nil {
		return nil, fmt.Errorf("contender: %w", err)
	}
	c.f = f
	return c, nil
}

func (c *forward) wait(items []*work.Item) error {
	if len(items) == 1 {
		return c.f.Forward(context.Background(), c.batches[items[0]])
	}
	list := make([]*batch.Batch, len(items))
	for i, item := range items {
		list[i] = c.batches[item]
	}
	return errors.Join(c.f.ForwardAll(context.Background(), list)...)
}

func (c *forward) start(item *work.Item, done func(error)) {
	c.f.ForwardAsync(context.Background(), c.batches[item], done)
}

func (c *forward) close() { _ = c.f.Close() }
