package forwarder

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/ctxwait"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// A call is one batch on its way, from the caller's side: begin, then wait, then
// report.
type call struct {
	f         *Forwarder
	ctx       context.Context // the caller's, which governs the wait
	observed  context.Context // the observer's, with its values; without one the caller's
	start     time.Time       // zero when nothing tells it
	events    int             // this one and the next three are as in ForwardInfo
	dropped   []Dropped
	spoolID   uint64
	noBatch   bool
	storeOnly bool          // the caller waits for the spool, and not for Kafka
	delivery  *delivery     // &own; nil when nothing was accepted
	err       error         // why nothing was accepted; nil if the batch was dropped
	tag       *spool.Tag    // to store with the batch; may be nil
	reported  chan struct{} // made when the caller stops waiting; closed when Done has returned

	own delivery // here, so that it takes no allocation of its own; its outline is made in its place
}

// newCall tells the observer of a call. If that ends this goroutine, the call has ended,
// and is reported.
func (f *Forwarder) newCall(ctx context.Context, b *batch.Batch) *call {
	c := &call{}
	f.startCall(ctx, c, b)
	return c
}

// startCall is newCall in memory of the caller's.
func (f *Forwarder) startCall(ctx context.Context, c *call, b *batch.Batch) {
	c.f, c.ctx, c.observed = f, ctx, ctx
	if f.tellsTime() {
		c.start = time.Now()
	}
	if b != nil {
		c.events = b.NumEvents()
	}
	returned := false
	defer func() {
		if !returned {
			_ = c.report(errNoReturn)
		}
	}()
	c.observed = begunContext(ctx, f.options.observer.Begun, b)
	returned = true
}

// tellsTime reports whether anything tells when a call began, or how long it took. Reading
// the clock costs a small batch as much as a switch does.
func (f *Forwarder) tellsTime() bool {
	return f.spool != nil || f.options.observer.Done != nil || f.options.observer.Settled != nil
}

// begin runs the filters, waits for room in the buffer, encodes, and hands the
// messages to the spool if there is one, and otherwise to the producer.
func (f *Forwarder) begin(ctx context.Context, b *batch.Batch, storeOnly bool, tag *spool.Tag) *call {
	c := &call{}
	f.beginIn(ctx, c, b, storeOnly, tag)
	return c
}

// beginIn is begin in memory of the caller's.
func (f *Forwarder) beginIn(ctx context.Context, c *call, b *batch.Batch, storeOnly bool, tag *spool.Tag) {
	f.startCall(ctx, c, b)
	c.storeOnly, c.tag = storeOnly, tag
	switch {
	case storeOnly && f.spool == nil:
		c.err = ErrNoSpool
		return
	case f.inFlight.isClosed():
		c.err = ErrClosed
		return
	case b == nil || b.Size() == 0:
		c.err = errNilBatch
		return
	case ctx.Err() != nil: // many calls that come too late must not take long
		c.err = notSent(b, ctxwait.Err(ctx))
		return
	}
	c.noBatch = !f.format.check(c.observed, b)
	err := c.runPipeline(b)
	if err != nil || c.own.outline.batch == nil {
		c.err = err
		return
	}
	err = c.accept(b)
	if err == nil {
		return
	}
	c.own.letGo(&f.pool) // ForwardAll may wait for other calls meanwhile
	if errors.As(err, new(*TooLargeError)) {
		c.err = err
	} else {
		c.err = notSent(b, err)
	}
}

// runPipeline runs the filters and measures, in the outline of the delivery. A filter
// that ends this goroutine (runtime.Goexit, as testing's FailNow does) ends the call,
// and is reported.
func (c *call) runPipeline(b *batch.Batch) error {
	returned := false
	defer func() {
		if !returned {
			_ = c.report(errNoReturn)
		}
	}()
	dropped, err := c.f.pipeline.prepare(c.observed, b, &c.own.outline)
	returned = true
	c.dropped = dropped
	c.f.countDropped(dropped)
	return err
}

// accept takes the room that the filtered batch needs, encodes and submits it.
func (c *call) accept(b *batch.Batch) error {
	f, o, d := c.f, &c.own.outline, &c.own
	if c.ctx.Err() != nil {
		return ctxwait.Err(c.ctx)
	}
	held := o.held(b)
	if f.options.sarama {
		held += int64(o.allMessages()) * stockMessageBytes
	}
	if err := f.buffer.take(c.ctx, held); err != nil {
		if err != ErrClosed { //nolint:errorlint // take returns it as it is
			err = fmt.Errorf("waiting for %d bytes of the buffer: %w", held, whyWaits(c.ctx, f.topics))
		}
		return err
	}
	if f.spool != nil {
		return c.store(b, held)
	}
	d.encode(c, b, &f.pool)
	if !f.inFlight.acceptMessages(len(d.messages)) {
		f.buffer.release(held)
		return ErrClosed
	}
	d.held = held
	c.delivery = d
	for i := range d.groups {
		t := f.topics[d.groups[i].topic]
		t.watch.Arm()
		t.producer().Submit(&d.groups[i].group)
	}
	return nil
}

// store adds the batch to the spool. It waits for room there, and not for the
// sync. The room of the buffer is given back when that is done.
func (c *call) store(b *batch.Batch, held int64) error {
	f, d := c.f, &c.own
	defer f.buffer.release(held)
	if !f.inFlight.acceptMessages(1) {
		return ErrClosed
	}
	defer f.inFlight.settleMessages(1, producer.Stored) // it is the spool's from here on
	waits := d.outline.heldBesideValues(b)
	d.encode(c, b, &f.pool)
	k := newKeptDelivery(d, f.spool())
	k.storeOnly, k.waits = c.storeOnly, waits
	e := c.entry(k)
	err := f.spool().add(c.ctx, &k.storedBatch, &e)
	k.handedOver(&f.pool)
	if err != nil {
		return err
	}
	c.delivery, c.spoolID = d, k.first
	return nil
}

// entry returns what the spool keeps of k: all its messages in one, so that it has
// them all or none.
func (c *call) entry(k *keptDelivery) spoolstore.Entry {
	d := k.delivery
	e := spoolstore.Entry{
		Topic: c.topicOf(&d.groups[0]).topic, Key: d.outline.key(), Accepted: c.start, Messages: k.messages(), Memory: k.memory,
	}
	if c.tag != nil {
		e.ID, e.Digest, e.Source = c.tag.ID, c.tag.Digest, spoolstore.Source(c.tag.Source)
	}
	for other := 1; other < len(d.groups); other++ {
		g := &d.groups[other]
		for i := range g.group.Messages {
			e.Messages[g.first+i].Topic = c.topicOf(g).topic
		}
	}
	return e
}

// notSent is the error for a batch of which no message was accepted.
func notSent(b *batch.Batch, why error) error {
	return notDelivered(b).withdrawn([]withdrawal{{partition: -1, why: why}})
}

// wait returns the outcome, at the latest when the context ends.
func (c *call) wait() error {
	if c.delivery == nil {
		return c.err
	}
	if k := c.delivery.kept; k != nil {
		return k.wait(c.ctx)
	}
	if c.delivery.over.wait(c.ctx) {
		return c.delivery.outcome()
	}
	return c.withdraw()
}

// withdraw takes back the messages that are in no request, and returns the
// outcome as far as it is known.
func (c *call) withdraw() error {
	c.reported = make(chan struct{})
	groups := c.delivery.groups
	errFor := make([]func(partition int32) error, len(groups))
	for i := range groups { // first, because withdrawn messages wait no longer
		errFor[i] = c.topicOf(&groups[i]).watch.ErrLater(c.ctx)
	}
	list := make([]withdrawal, len(groups))
	for i := range groups {
		partition, first := c.topicOf(&groups[i]).producer().Withdraw(&groups[i].group)
		list[i] = withdrawal{first: first, partition: partition, why: errFor[i](partition)}
	}
	return c.delivery.withdrawn(list)
}

func (c *call) topicOf(g *topicGroup) *topicProducer { return c.f.topics[g.topic] }

// report calls the observer's Done, once, and returns err.
func (c *call) report(err error) error {
	if c.delivery == nil && err != nil {
		c.f.notAccepted.Add(1)
	}
	if c.delivery != nil && c.delivery.kept != nil {
		defer c.delivery.kept.leave() // the same
	}
	if c.reported != nil {
		defer close(c.reported) // also if Done panics: Close would wait for Settled for ever
	}
	if done := c.f.options.observer.Done; done != nil {
		done(c.observed, c.forwardInfo(err))
	}
	return err
}

func (c *call) forwardInfo(err error) ForwardInfo {
	info := ForwardInfo{
		Events: c.events, NoBatch: c.noBatch, Dropped: c.dropped, SpoolID: c.spoolID,
		Duration: time.Since(c.start), Err: err,
	}
	if c.delivery != nil && (err != nil || !c.storeOnly) { // Settled tells of those that are only stored
		info.Messages = c.delivery.acknowledged()
	}
	return info
}

// messagesSettled implements [deliveryOwner]. It is called on goroutines of the
// producer.
func (c *call) messagesSettled(n int, o producer.Outcome, last, callerGone bool) {
	if c.f.spool != nil {
		return // neither the buffer nor the forwarder waits for them
	}
	if last {
		if callerGone {
			c.reportSettled()
		}
		c.f.buffer.release(c.delivery.held)
	}
	c.f.inFlight.settleMessages(n, o)
}

// acknowledged implements [deliveryOwner].
func (c *call) acknowledged(g *topicGroup, partition int32) {
	c.topicOf(g).watch.Acknowledged(partition)
}

// refused implements [deliveryOwner].
func (c *call) refused(g *topicGroup, partition int32, cause error) {
	c.topicOf(g).watch.Failed(partition, cause)
}

// reportSettled calls the observer's Settled, for an outcome that came after the
// caller had stopped waiting.
func (c *call) reportSettled() {
	settled := c.f.options.observer.Settled
	if settled == nil {
		return
	}
	c.f.inFlight.beginCallback()
	go func() {
		defer c.f.inFlight.endCall(true)
		<-c.reported
		settled(c.observed, c.forwardInfo(c.delivery.outcome()))
	}()
}

// recycle implements [deliveryOwner].
func (c *call) recycle(memory *[]byte) { c.f.pool.put(memory) }

// explain implements [deliveryOwner].
func (c *call) explain(g *topicGroup, err error) error {
	return c.topicOf(g).probe.ExplainDelivery(err)
}

// topicName implements [deliveryOwner].
func (c *call) topicName(g *topicGroup) string { return c.topicOf(g).name }

// ctxError implements [deliveryOwner].
func (c *call) ctxError(ctx context.Context, g *topicGroup, partition int32) error {
	return c.topicOf(g).watch.Err(ctx, partition)
}

// countDropped counts what filters and settings have dropped.
func (f *Forwarder) countDropped(dropped []Dropped) {
	for _, d := range dropped {
		f.droppedEvents.Add(int64(d.Events))
		if d.Batch {
			f.droppedBatches.Add(1)
		}
	}
}
