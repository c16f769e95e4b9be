package forwarder

import (
	"context"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// Forward delivers b and waits for the outcome. It returns nil when every
// message of b is acknowledged by all in-sync replicas, or when a filter or a
// setting dropped b; [Observer].Done says which.
//
// Otherwise the error is a [*DeliveryError], which says of each message whether
// it was not sent or its outcome is unknown; a [*FilterError], a [*HeaderError] or
// a [*TooLargeError], after which nothing of b is sent; [ErrClosed]; or, for a nil
// or zero Batch, a [*batch.Error].
// [Permanent] and [NothingSent] answer the two questions that follow.
//
// While the buffer is full Forward waits its turn. ctx ends every wait: messages
// that are in no request by then are withdrawn and not sent; the others go on
// being delivered and are unknown. If delivery was waiting for something, the
// error wraps that next to the context's error.
//
// Forward does not change b, which may be given to several calls at once, and
// keeps it until its messages are decided. Of one user's batches, the one whose
// call began after another was accepted is written after it.
//
// With a spool Forward stores b, as [Forwarder.Store] does, and then waits for
// Kafka. When ctx ends after b is stored, the outcome is [Stored], and [Kept]
// says that b must not be sent again: nothing is withdrawn.
func (f *Forwarder) Forward(ctx context.Context, b *batch.Batch) error {
	return f.forwardOne(ctx, b, false, nil)
}

func (f *Forwarder) forwardOne(ctx context.Context, b *batch.Batch, storeOnly bool, tags []spool.Tag) error {
	defer f.inFlight.endCall(f.inFlight.beginCall())
	c := f.begin(ctx, b, storeOnly, tagOf(tags, 0))
	return c.report(c.wait())
}

// ForwardAll delivers a slice of batches, and returns a nil slice when Forward
// would have returned nil for each of them. Otherwise it returns one entry for
// each batch, in which nil stands for success. So the length of the result says
// nothing: count the entries that are not nil.
//
// The batches are accepted in order, then waited for together. An error of one
// batch does not keep the others from being sent. A nil entry, as [batch.ParseBulk]
// leaves for a batch that it refuses, gets a [*batch.Error], which is permanent and
// does not say why: ParseBulk has said that.
//
// If a filter calls [runtime.Goexit], as FailNow of package testing does, ForwardAll
// does not return. Before its goroutine ends it waits for the batches before that one;
// those behind it are not sent. The observer gets them all.
func (f *Forwarder) ForwardAll(ctx context.Context, bs []*batch.Batch) []error {
	return f.forwardAll(ctx, bs, false, nil)
}

func (f *Forwarder) forwardAll(ctx context.Context, bs []*batch.Batch, storeOnly bool, tags []spool.Tag) []error {
	defer f.inFlight.endCall(f.inFlight.beginCall())
	calls := make([]*call, 0, len(bs))
	defer func() {
		if len(calls) < len(bs) {
			f.abandon(ctx, calls, bs)
		}
	}()
	for i, b := range bs {
		calls = append(calls, f.begin(ctx, b, storeOnly, tagOf(tags, i)))
	}
	var errs []error
	reported := 0
	defer func() { reportRest(calls[reported:]) }() // if an observer ends this goroutine
	for i, c := range calls {
		err := c.wait()
		reported++
		if c.report(err) != nil {
			if errs == nil {
				errs = make([]error, len(bs))
			}
			errs[i] = err
		}
	}
	return errs
}

// reportRest waits for calls and reports them, also if the observer ends the
// goroutine at each of them.
func reportRest(calls []*call) {
	if len(calls) == 0 {
		return
	}
	defer reportRest(calls[1:])
	_ = calls[0].report(calls[0].wait())
}

// abandon ends the calls that ForwardAll has begun, and reports the batches that
// it will not come to. bs[len(calls)] is the batch whose filter or observer ended the
// goroutine: it is reported already.
func (f *Forwarder) abandon(ctx context.Context, calls []*call, bs []*batch.Batch) {
	defer f.reportUnbegun(ctx, bs[len(calls)+1:])
	reportRest(calls)
}

// reportUnbegun reports batches that ForwardAll does not come to, also if the observer
// ends the goroutine at each of them.
func (f *Forwarder) reportUnbegun(ctx context.Context, bs []*batch.Batch) {
	if len(bs) == 0 {
		return
	}
	defer f.reportUnbegun(ctx, bs[1:])
	_ = f.newCall(ctx, bs[0]).report(errNoReturn)
}

// ForwardAsync is Forward without the wait for the outcome. Filters and
// encoding run before it returns, and it blocks while the buffer is full. With a
// spool it also blocks, with b stored already, while earlier calls that wait for
// Kafka take a quarter of the buffer. Then
// done is called exactly once, whatever happens, on another goroutine, with the
// error that Forward would have returned. A nil done does nothing.
// done must not block, nor close f: Close and Shutdown wait for it if the call
// began before them; a panic in it is not recovered. ctx governs the delivery too:
// when it ends, done gets its error.
//
// One goroutine that calls ForwardAsync again and again pipelines: its batches
// are accepted, and for one user written, in the order of the calls. The calls
// of done have no order.
func (f *Forwarder) ForwardAsync(ctx context.Context, b *batch.Batch, done func(error)) {
	f.forwardAsync(ctx, b, done, false, nil)
}

func (f *Forwarder) forwardAsync(ctx context.Context, b *batch.Batch, done func(error), storeOnly bool, tags []spool.Tag) {
	if done == nil {
		done = func(error) {}
	}
	counted, begun := f.inFlight.beginCall(), false
	defer func() {
		if !begun { // a filter ended this goroutine, or a panic is on its way to the caller
			go func() {
				defer f.inFlight.endCall(counted)
				done(errNoReturn)
			}()
		}
	}()
	a := &asyncCall{done: done, counted: counted}
	f.beginIn(ctx, &a.call, b, storeOnly, tagOf(tags, 0))
	begun = true
	switch {
	case a.delivery == nil:
		go a.answer(a.err)
	case a.delivery.kept == nil:
		a.answerWhenEnded()
	default:
		k := a.delivery.kept
		go k.whenEnded(ctx, a.answer)
		if !storeOnly {
			f.spool().room.take(ctx, k)
		}
	}
}
