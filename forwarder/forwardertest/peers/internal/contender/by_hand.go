package contender

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/work"
)

// fromBytes is Forward of batches that are parsed on the way: the whole way from
// the bytes that a service has received.
type fromBytes struct{ forward }

func newFromBytes(ctx context.Context, j peer.Job) (contender, error) {
	c, err := newForward(ctx, j, nil)
	if err != nil {
		return nil, err
	}
	return &fromBytes{*c}, nil
}

func (c *fromBytes) wait(items []*work.Item) error {
	if len(items) == 1 {
		b, err := batch.Parse(items[0].Input)
		if err != nil {
			return fmt.Errorf("contender: %w", err)
		}
		return c.f.Forward(context.Background(), b)
	}
	list := make([]*batch.Batch, len(items))
	for i, item := range items {
		b, err := batch.Parse(item.Input)
		if err != nil {
			return fmt.Errorf("contender: %w", err)
		}
		list[i] = b
	}
	return errors.Join(c.f.ForwardAll(context.Background(), list)...)
}

func (c *fromBytes) start(item *work.Item, done func(error)) {
	b, err := batch.Parse(item.Input)
	if err != nil {
		done(fmt.Errorf("contender: %w", err))
		return
	}
	c.f.ForwardAsync(context.Background(), b, done)
}

// byHand is what a user would write instead: a JSON library, the switches by
// hand, and franz-go. It is given the bytes that a service has received.
type byHand struct {
	*franz
	edit editor
}

// An editor returns key and value of the message for a batch.
type editor func(input []byte) (key, value []byte, err error)

func newByHand(j peer.Job, wait time.Duration, edit editor) (contender, error) {
	c, err := newFranz(j, wait)
	if err != nil {
		return nil, err
	}
	return &byHand{c, edit}, nil
}

func (c *byHand) start(i *work.Item, done func(error)) {
	key, value, err := c.edit(i.Input)
	if err != nil {
		done(fmt.Errorf("contender: %w", err))
		return
	}
	c.client.Produce(context.Background(), &kgo.Record{Topic: c.topic, Key: key, Value: value},
		func(_ *kgo.Record, err error) { done(err) })
}

func (c *byHand) wait(items []*work.Item) error { return starter(c.start).waitAll(items) }
