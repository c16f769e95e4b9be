package forwarder

import (
	"context"
	"errors"
	"sync"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// A delivery is the way of one batch's messages through the producers, from
// acceptance until the last of them is settled.
type delivery struct {
	owner    deliveryOwner // nil: no message was accepted
	batch    *batch.Batch  // as the caller gave it; kept for Remaining
	outline  outline       // once encoded without the filtered batches: the keys, and which events the messages have
	messages []accepted
	memory   *[]byte      // of their values; nil once others may have it
	held     int64        // bytes of the buffer
	groups   []topicGroup // one for each topic
	kept     *storedBatch // nil without a spool

	mu              sync.Mutex
	results         []producer.Result
	settled         []bool
	pending         int
	failed          bool         // some message that is settled was not acknowledged
	callerGone      bool         // the caller has its error already, with messages undecided
	callbackDropped bool         // onDone must not be told
	stored          bool         // what is not settled is on the disk, and on its way
	onDone          doneListener // told once all is settled
	handle          *deliveryHandle
	ended           error     // why nothing will be settled any more in this process
	over            endSignal // given once all is settled and counted, or nothing more will be

	inline inlineMessage
}

// A topicGroup is the messages of a delivery that go to one topic.
type topicGroup struct {
	delivery  *delivery
	first     int // of the delivery's messages
	group     producer.Group
	topic     int32 // of the forwarder's; it is small, so that a delivery is
	partition int32 // where the pending ones are going; -1 until that is asked. Guarded by the delivery's lock
}

// An inlineMessage is room for what a delivery with one message needs, as most
// have.
type inlineMessage struct {
	message [1]accepted
	result  [1]producer.Result
	settled [1]bool
	record  [1]producer.Message
	group   [1]topicGroup
}

// An accepted message is what a delivery knows of one beside its record.
type accepted struct {
	firstEvent, events int // as in message
	bytes              int // of the value, which a stored batch does not keep
}

// A deliveryOwner is the call that a delivery belongs to. Its methods may be
// called by any goroutine, and must not block.
type deliveryOwner interface {
	// recycle takes memory that neither the producer nor the delivery reads any
	// more.
	recycle(memory *[]byte)
	// messagesSettled is called when n more are settled, with the same outcome,
	// before anyone learns of it. last: all are now. callerGone: the caller had its
	// error before that.
	messagesSettled(n int, o producer.Outcome, last, callerGone bool)
	// acknowledged is called for each message that is.
	acknowledged(g *topicGroup, partition int32)
	// refused is called for each message that brokers refuse for good.
	refused(g *topicGroup, partition int32, cause error)
	// explain says more of a broker's refusal.
	explain(g *topicGroup, err error) error
	// topicName returns the topic, where there are several.
	topicName(g *topicGroup) string
	// ctxError returns why ctx ended, and why the messages for partition wait.
	ctxError(ctx context.Context, g *topicGroup, partition int32) error
}

// encode makes d, in which there is only the outline, the delivery of the batch b, in
// memory of p.
func (d *delivery) encode(owner deliveryOwner, b *batch.Batch, p *pool) {
	d.owner, d.batch = owner, b
	size := d.outline.valueBytes()
	for i := range d.outline.others {
		size += d.outline.others[i].valueBytes()
	}
	d.memory = p.take(size)
	buf := *d.memory
	var inline [1]message // on the stack, as its record goes on
	messages := d.outline.encode(buf, inline[:0])
	for i := range d.outline.others { // each behind the one before, in memory and in the list
		before := &d.outline
		if i > 0 {
			before = &d.outline.others[i-1]
		}
		buf = buf[len(buf) : len(buf)+before.valueBytes()][before.valueBytes():]
		messages = append(messages, d.outline.others[i].encode(buf, nil)...)
	}
	d.setMessages(messages)
	d.outline.release()
}

// letGo empties d, of which nothing was accepted, and gives its memory back.
func (d *delivery) letGo(p *pool) {
	if d.memory != nil {
		p.put(d.memory)
	}
	*d = delivery{}
}

// notDelivered is the delivery of a batch of which no message was accepted.
func notDelivered(b *batch.Batch) *delivery {
	d := &delivery{batch: b}
	d.setMessages([]message{{events: b.NumEvents()}})
	return d
}

func (d *delivery) setMessages(messages []message) {
	records := d.inline.record[:]
	if len(messages) == 1 {
		d.messages, d.results, d.settled = d.inline.message[:], d.inline.result[:], d.inline.settled[:]
	} else {
		d.messages = make([]accepted, len(messages))
		d.results = make([]producer.Result, len(messages))
		d.settled = make([]bool, len(messages))
		records = make([]producer.Message, len(messages))
	}
	d.pending = len(messages)
	for i := range messages {
		m := &messages[i]
		records[i] = m.record()
		d.messages[i] = accepted{m.firstEvent, m.events, len(m.value)}
	}
	d.groups = d.inline.group[:]
	if len(d.outline.others) == 0 {
		d.groups[0].set(d, d.outline.topic, 0, records)
		return
	}
	d.groups = make([]topicGroup, 1+len(d.outline.others))
	first := d.outline.messageCount()
	d.groups[0].set(d, d.outline.topic, 0, records[:first])
	for i := range d.outline.others {
		o := &d.outline.others[i]
		n := o.messageCount()
		d.groups[1+i].set(d, o.topic, first, records[first:first+n])
		first += n
	}
}

func (g *topicGroup) set(d *delivery, topic, first int, records []producer.Message) {
	g.delivery, g.topic, g.first, g.partition = d, int32(topic), first, -1 //nolint:gosec // an index of the topics, of which there are few
	g.group.Messages, g.group.Owner = records, g
}

// Settle implements [producer.Settler].
func (g *topicGroup) Settle(i int, r producer.Result) { g.delivery.settle(g, g.first+i, r) }

// settle settles message i, which is one of g.
func (d *delivery) settle(g *topicGroup, i int, r producer.Result) {
	d.mu.Lock()
	d.settleLocked(i, r)
	after := d.afterLocked(1, r.Outcome)
	d.mu.Unlock()
	switch {
	case d.owner == nil:
	case r.Outcome == producer.Acknowledged:
		d.owner.acknowledged(g, r.Partition)
	case r.Err != nil && !errors.Is(r.Err, producer.ErrClosed):
		d.owner.refused(g, r.Partition, r.Err)
	}
	after()
}

func (d *delivery) settleLocked(i int, r producer.Result) {
	d.results[i], d.settled[i] = r, true
	d.failed = d.failed || r.Outcome != producer.Acknowledged
	d.pending--
	// A request with messages that failed may still be on its way, so their
	// memory is left to the garbage collector.
	if d.pending == 0 && d.owner != nil && !d.failed && d.memory != nil {
		d.owner.recycle(d.memory)
		d.memory = nil
	}
}

// afterLocked returns the function to call, without the lock, after n messages
// were settled. A caller that learns of that finds it counted.
func (d *delivery) afterLocked(n int, o producer.Outcome) func() {
	last, callerGone, onDone := n > 0 && d.pending == 0, d.callerGone, d.onDone
	return func() {
		if d.owner != nil {
			d.owner.messagesSettled(n, o, last, callerGone)
		}
		if last {
			d.over.give()
			if onDone != nil {
				onDone.deliveryDone()
			}
		}
	}
}

// settleStored is Settle for a batch with a spool: what is settled stays so.
func (d *delivery) settleStored(i int, r producer.Result) {
	d.mu.Lock()
	if d.settled[i] || d.pending == 0 {
		d.mu.Unlock()
		return
	}
	d.settleLocked(i, r)
	after := d.afterLocked(1, r.Outcome)
	d.mu.Unlock()
	after()
}

// setStored notes that the batch is synced.
func (d *delivery) setStored() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stored = true
}

// endWaiting ends every wait for what is not settled.
func (d *delivery) endWaiting(why error) {
	d.mu.Lock()
	if d.pending == 0 {
		d.mu.Unlock()
		return
	}
	d.pending, d.ended = 0, why
	onDone := d.onDone
	d.mu.Unlock()
	d.over.give()
	if onDone != nil {
		onDone.deliveryDone()
	}
}

// A doneListener learns that all of a delivery is settled. Its method must not block.
type doneListener interface{ deliveryDone() }

// A doneFunc is a function used as a doneListener.
type doneFunc func()

func (f doneFunc) deliveryDone() { f() }

// whenDone tells onDone, once, when all is settled, unless dropCallback comes first.
func (d *delivery) whenDone(onDone doneListener) {
	d.mu.Lock()
	now := d.pending == 0 && !d.callbackDropped
	if !now && !d.callbackDropped {
		d.onDone = onDone
	}
	d.mu.Unlock()
	if now {
		onDone.deliveryDone()
	}
}

// dropCallback reports whether it has kept the listener of whenDone from being
// told.
func (d *delivery) dropCallback() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pending == 0 {
		return false
	}
	d.callbackDropped, d.onDone = true, nil
	return true
}

// A withdrawal is what a producer says when it gives back messages of a group.
type withdrawal struct {
	first     int   // of those that it has no more
	partition int32 // where the others are going
	why       error
}

// withdrawn settles the messages that the producers do not have any more as not
// sent. list has an entry for each group. It returns the outcome for a caller that
// waits no longer.
func (d *delivery) withdrawn(list []withdrawal) error {
	d.mu.Lock()
	n := 0
	for k, w := range list {
		g := &d.groups[k]
		for i := w.first; i < len(g.group.Messages); i++ {
			d.settleLocked(g.first+i, producer.Result{Outcome: producer.NotSent, Partition: -1, Offset: -1, Err: w.why})
			n++
		}
		g.partition = w.partition
	}
	d.callerGone = d.pending > 0
	err := d.outcomeLocked(func(k int) error { return list[k].why })
	after := d.afterLocked(n, producer.NotSent)
	d.mu.Unlock()
	after()
	return err
}

// outcome returns nil when all is acknowledged. It is for a delivery of which
// all is settled, or nothing more will be.
func (d *delivery) outcome() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.outcomeLocked(func(int) error { return d.ended })
}

// outcomeBecause returns the outcome, as far as it is known, when a wait ends
// because of why.
func (d *delivery) outcomeBecause(why error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.outcomeLocked(func(int) error { return why })
}

// outcomeAt returns the outcome, as far as it is known, when a wait ends with ctx.
func (d *delivery) outcomeAt(ctx context.Context) error {
	why := make([]error, len(d.groups))
	for k := range d.groups {
		g := &d.groups[k]
		d.mu.Lock()
		partition := g.partition
		d.mu.Unlock()
		why[k] = d.owner.ctxError(ctx, g, partition)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.outcomeLocked(func(k int) error { return why[k] })
}

// outcomeLocked counts messages that are not settled yet as unknown, or stored,
// because of what why says of their group.
func (d *delivery) outcomeLocked(why func(group int) error) error {
	open := producer.Unknown
	if d.stored {
		open = producer.Stored
	}
	var failures []Failure
	for k := range d.groups {
		g := &d.groups[k]
		for i := g.first; i < g.first+len(g.group.Messages); i++ {
			r := d.results[i]
			if d.settled[i] && r.Outcome == producer.Acknowledged {
				continue
			}
			if !d.settled[i] {
				r = producer.Result{Outcome: open, Partition: g.partition, Err: why(k)}
			}
			failures = append(failures, Failure{
				Message:    i,
				FirstEvent: d.messages[i].firstEvent,
				Events:     d.messages[i].events,
				Outcome:    Outcome(r.Outcome),
				Topic:      d.topicName(g),
				Partition:  r.Partition,
				Err:        d.cause(g, r.Err),
			})
		}
	}
	if len(failures) == 0 {
		return nil
	}
	return &DeliveryError{Messages: len(d.messages), Failures: failures, delivery: d.handleLocked()}
}

func (d *delivery) topicName(g *topicGroup) string {
	if d.owner == nil {
		return ""
	}
	return d.owner.topicName(g)
}

// cause puts the producer's error into this package's words.
func (d *delivery) cause(g *topicGroup, err error) error {
	if d.owner != nil {
		err = d.owner.explain(g, err)
	}
	switch {
	case err == ErrClosed: //nolint:errorlint // it is in our words already
		return err
	case err == producer.ErrClosed: //nolint:errorlint // alone it needs no companion
		return ErrClosed
	case errors.Is(err, producer.ErrClosed):
		return &closedError{err}
	default:
		return err
	}
}

// acknowledged lists the messages that are in Kafka by now.
func (d *delivery) acknowledged() []Message {
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []Message
	for k := range d.groups {
		g := &d.groups[k]
		for i := g.first; i < g.first+len(g.group.Messages); i++ {
			r := d.results[i]
			if d.settled[i] && r.Outcome == producer.Acknowledged {
				m := d.messages[i]
				list = append(list, Message{Topic: d.topicName(g), Partition: r.Partition, Offset: r.Offset, Events: m.events, Bytes: m.bytes})
			}
		}
	}
	return list
}

// An eventCursor goes over the events of a batch, in their order, and finds the
// messages of one topic that they are in.
type eventCursor struct {
	outline  *outline
	messages []accepted
	first    int // of the messages, among those of the delivery
	position int // of the next event, among those that go to the topic
	at       int // its message
}

// eventCursors returns a cursor for each topic.
func (d *delivery) eventCursors() []eventCursor {
	list := make([]eventCursor, len(d.groups))
	for k := range d.groups {
		g := &d.groups[k]
		list[k] = eventCursor{outline: &d.outline, messages: d.messages[g.first : g.first+len(g.group.Messages)], first: g.first}
		if k > 0 {
			list[k].outline = &d.outline.others[k-1]
		}
	}
	return list
}

// next returns which message has event i, which comes behind those asked for before.
// It is not ok when none of the topic's has it.
func (c *eventCursor) next(i int) (message int, ok bool) {
	if !c.outline.sends(i) {
		return 0, false
	}
	for m := &c.messages[c.at]; c.position == m.firstEvent+m.events; m = &c.messages[c.at] {
		c.at++
	}
	c.position++
	return c.first + c.at, true
}
