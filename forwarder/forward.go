package forwarder

import (
	"context"

	"github.com/eventferry/eventferry/batch"
)

// Forward delivers b and waits for the outcome. It returns nil when every
// message of b is acknowledged by all in-sync replicas, or when a filter or a
// setting dropped b; [Observer].Done tells which.
//
// Otherwise the error is a [*DeliveryError], which says of each message whether
// it was not sent or its outcome is unknown; a [*FilterError] or a
// [*TooLargeError], after which nothing of b is sent; [ErrClosed]; or, for a nil
// or zero Batch, a [*batch.Error].
// [Permanent] and [NothingSent] answer the two questions that follow.
//
// While the buffer is full Forward waits its turn. ctx ends every wait: what
// is in no request by then is withdrawn and not sent; the rest goes
// on being delivered and is unknown. If delivery was waiting for something, the
// error wraps that, too, next to the context's error.
//
// Forward does not change b, which may be given to several calls at once, and
// keeps it until its messages are decided. Of one user's batches, the one whose
// call began after another was accepted is written after it.
func (f *Forwarder) Forward(ctx context.Context, b *batch.Batch) error {
	defer f.ledger.leave(f.ledger.enter())
	c := f.begin(ctx, b)
	return c.finish(c.wait())
}

// ForwardAll delivers a slice of batches: they are accepted in order, then
// waited for together. It returns nil when Forward would have returned nil for
// each, and otherwise one entry for each batch, in which nil stands for
// success. An error of one batch does not keep the others from being sent.
//
// When a filter ends the goroutine, the batches before that one are waited for
// first, and those behind it are not sent; the observer is told of all of them.
func (f *Forwarder) ForwardAll(ctx context.Context, bs []*batch.Batch) []error {
	defer f.ledger.leave(f.ledger.enter())
	calls := make([]*call, 0, len(bs))
	defer func() {
		if len(calls) < len(bs) {
			f.abandon(ctx, calls, bs)
		}
	}()
	for _, b := range bs {
		calls = append(calls, f.begin(ctx, b))
	}
	var errs []error
	for i, c := range calls {
		if err := c.finish(c.wait()); err != nil {
			if errs == nil {
				errs = make([]error, len(bs))
			}
			errs[i] = err
		}
	}
	return errs
}

// abandon ends what ForwardAll has begun, and what it will not come to. bs[len(calls)]
// is the batch whose filter ended the goroutine: prepare has told of it.
func (f *Forwarder) abandon(ctx context.Context, calls []*call, bs []*batch.Batch) {
	for _, c := range calls {
		_ = c.finish(c.wait())
	}
	for _, b := range bs[len(calls)+1:] {
		_ = f.newCall(ctx, b).finish(errNoReturn)
	}
}

// ForwardAsync is Forward without the wait for the outcome. Filters and
// encoding run before it returns, and it blocks while the buffer is full. Then
// done is called exactly once, whatever happens, on another goroutine, with
// what Forward would have returned; nil stands for a function that does nothing.
// done must not block, nor close f: Close and Shutdown wait for it if the call
// began before them; a panic in it is not recovered. ctx governs the delivery too:
// when it ends, done gets its error.
//
// One goroutine that calls ForwardAsync again and again pipelines: its batches
// are accepted, and for one user written, in the order of the calls. The calls
// of done have no order.
func (f *Forwarder) ForwardAsync(ctx context.Context, b *batch.Batch, done func(error)) {
	if done == nil {
		done = func(error) {}
	}
	entered, begun := f.ledger.enter(), false
	defer func() {
		if !begun { // a filter ended this goroutine, or a panic does that the caller will see
			go func() {
				defer f.ledger.leave(entered)
				done(errNoReturn)
			}()
		}
	}()
	c := f.begin(ctx, b)
	begun = true
	answer := func(err error) {
		defer f.ledger.leave(entered)
		done(c.finish(err))
	}
	if c.delivery == nil {
		go answer(c.err)
		return
	}
	// Nobody waits for the outcome: whichever comes first, the last message or
	// the end of ctx, sets it off. So thousands of calls that wait through an
	// outage cost no goroutine.
	stop := context.AfterFunc(ctx, func() {
		if c.delivery.forget() {
			answer(c.leave())
		}
	})
	c.delivery.whenDone(func() {
		stop()
		go func() { answer(c.delivery.outcome()) }()
	})
}
