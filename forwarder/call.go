package forwarder

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/eventferry/eventferry/batch"
)

// A call is one batch on its way, from the caller's side.
type call struct {
	f        *Forwarder
	ctx      context.Context
	start    time.Time
	info     ForwardInfo
	delivery *delivery     // nil when nothing was accepted
	err      error         // why nothing was accepted; nil if the batch was dropped
	told     chan struct{} // made when the caller stops waiting; closed when Done has been told
}

func (f *Forwarder) newCall(ctx context.Context, b *batch.Batch) *call {
	c := &call{f: f, ctx: ctx, start: time.Now()}
	if b != nil {
		c.info.Events = b.NumEvents()
	}
	return c
}

// begin filters b, waits for room, encodes, and hands the messages over.
func (f *Forwarder) begin(ctx context.Context, b *batch.Batch) *call {
	c := f.newCall(ctx, b)
	if f.ledger.isClosed() {
		c.err = ErrClosed
		return c
	}
	if b == nil || b.Size() == 0 {
		c.err = errNoBatch
		return c
	}
	if ctx.Err() != nil { // many calls that come too late must not take long
		c.err = notSent(wholeBatch(b), ended(ctx))
		return c
	}
	d, err := c.prepare(b)
	if err != nil || d == nil {
		c.err = err
		return c
	}
	if err := c.accept(d); err != nil {
		c.err = notSent(wholeBatch(b), err)
	}
	return c
}

// prepare runs the filters. One that ends this goroutine (runtime.Goexit, as
// testing's FailNow does) is the end of the call: the observer is still told.
func (c *call) prepare(b *batch.Batch) (*delivery, error) {
	returned := false
	defer func() {
		if !returned {
			_ = c.finish(errNoReturn)
		}
	}()
	d, dropped, err := c.f.pipeline.prepare(c.ctx, b)
	returned = true
	c.info.Dropped = dropped
	return d, err
}

// accept takes the room that d needs, encodes and submits it.
func (c *call) accept(d *delivery) error {
	f := c.f
	if c.ctx.Err() != nil {
		return ended(c.ctx)
	}
	if err := f.buffer.take(c.ctx, d.size); err != nil {
		if err != ErrClosed { //nolint:errorlint // take returns it as it is
			err = f.watch.because(c.ctx, anyPartition)
			err = fmt.Errorf("waiting for %d bytes of the buffer: %w", d.size, err)
		}
		return err
	}
	d.encode(&f.pool)
	if !f.ledger.open(len(d.messages)) {
		f.buffer.release(d.size)
		return ErrClosed
	}
	c.delivery, d.call = d, c
	f.watch.arm()
	f.producer.Submit(&d.group)
	return nil
}

// finished is called when the last message is settled, on a goroutine of the
// producer.
func (c *call) finished(left bool) {
	f, d := c.f, c.delivery
	if left && f.options.observer.Settled != nil {
		f.ledger.promise()
		go func() {
			defer f.ledger.kept()
			<-c.told
			f.options.observer.Settled(c.ctx, c.report(d.outcome()))
		}()
	}
	f.buffer.release(d.size)
}

// wait returns the outcome, at the latest when the context ends.
func (c *call) wait() error {
	if c.delivery == nil {
		return c.err
	}
	select {
	case <-c.delivery.done:
		return c.delivery.outcome()
	case <-c.ctx.Done():
		return c.leave()
	}
}

// leave takes back what is in no request and returns what is
// known of the rest.
func (c *call) leave() error {
	c.told = make(chan struct{})
	explain := c.f.watch.explainer(c.ctx) // before: what is withdrawn waits no longer
	partition, first := c.f.producer.Withdraw(&c.delivery.group)
	return c.delivery.leave(first, partition, explain(partition))
}

// finish tells the observer, once, and returns err.
func (c *call) finish(err error) error {
	if c.told != nil {
		defer close(c.told) // also if Done panics: whoever waits for it would keep Close
	}
	if done := c.f.options.observer.Done; done != nil {
		done(c.ctx, c.report(err))
	}
	return err
}

func (c *call) report(err error) ForwardInfo {
	info := c.info
	info.Duration, info.Err = time.Since(c.start), err
	if c.delivery != nil {
		info.Messages = c.delivery.acknowledged()
	}
	return info
}

// ended is why ctx ended. Callers may look for ctx.Err() and for the cause that
// was given to the context, so it carries both.
func ended(ctx context.Context) error {
	err, why := ctx.Err(), context.Cause(ctx)
	switch {
	case why == nil:
		return err
	case errors.Is(why, err):
		return why
	default:
		return fmt.Errorf("%w: %w", err, why)
	}
}
