package forwarder

import (
	"context"
	"errors"
	"sync"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/deliver"
)

// A delivery is the way of one batch's messages through the producer, from
// acceptance until the last of them is settled.
type delivery struct {
	call     *call        // whose messages these are, once they are accepted; else nil
	batch    *batch.Batch // as the caller gave it; kept for Remaining
	filtered *batch.Batch // what was left of it: its events are those of the messages
	size     int64        // bytes it takes of the buffer
	outline  outline      // until it is encoded
	messages []message
	memory   *[]byte // of their values; nil once others may have it
	group    deliver.Group

	mu        sync.Mutex
	results   []deliver.Result
	settled   []bool
	pending   int
	failed    bool          // some message that is settled was not acknowledged
	partition int32         // where the pending ones are going; -1 until that is asked
	left      bool          // the caller has its answer already, with messages undecided
	forgotten bool          // nobody wants then
	then      func()        // called once all is settled
	done      chan struct{} // closed then, too

	key   [maxKey]byte // of all messages
	alone alone
}

// maxKey is the length of the longest user id.
const maxKey = len("-9223372036854775808")

// alone is room for what a delivery with one message needs, as most have.
type alone struct {
	message [1]message
	result  [1]deliver.Result
	settled [1]bool
	group   [1]deliver.Message
}

// A message is one Kafka record of a batch and the events in it.
type message struct {
	firstEvent, events int    // counted in the batch as filtered
	key, value         []byte // once all are acknowledged the value's bytes may be another batch's
	part               string // "i/n" when the batch was split
}

func (m message) record() deliver.Message {
	return deliver.Message{Key: m.key, Value: m.value, Part: m.part}
}

// encode makes the messages, in memory of p. Nothing else may be asked of the
// delivery before.
func (d *delivery) encode(p *pool) {
	d.memory = p.take(d.outline.values())
	d.become(d.outline.encode(*d.memory, d.alone.message[:0]))
	d.outline = outline{}
}

func (d *delivery) become(messages []message) {
	d.messages = messages
	if len(messages) == 1 {
		d.results, d.settled, d.group.Messages = d.alone.result[:], d.alone.settled[:], d.alone.group[:]
	} else {
		d.results = make([]deliver.Result, len(messages))
		d.settled = make([]bool, len(messages))
		d.group.Messages = make([]deliver.Message, len(messages))
	}
	d.pending = len(messages)
	d.partition = -1
	d.done = make(chan struct{})
	for i, m := range messages {
		d.group.Messages[i] = m.record()
	}
	d.group.Owner = d
}

// wholeBatch stands for a batch of which no message was made.
func wholeBatch(b *batch.Batch) *delivery {
	d := &delivery{batch: b, filtered: b}
	d.become([]message{{events: b.NumEvents()}})
	return d
}

// Settle implements [deliver.Settler].
func (d *delivery) Settle(i int, r deliver.Result) {
	d.mu.Lock()
	d.settleLocked(i, r)
	after := d.endedLocked(1)
	d.mu.Unlock()
	after()
}

func (d *delivery) settleLocked(i int, r deliver.Result) {
	d.results[i], d.settled[i] = r, true
	d.failed = d.failed || r.Outcome != deliver.Acknowledged
	if d.pending--; d.pending == 0 {
		d.giveBackLocked()
	}
}

// giveBackLocked lets others have the memory of values that nobody reads any
// more. Of those that failed a request may be on its way still.
func (d *delivery) giveBackLocked() {
	if d.call == nil || d.failed {
		return
	}
	d.call.f.pool.put(d.memory)
	d.memory = nil
}

// endedLocked returns what is to be called, without the lock, after n messages
// were settled.
func (d *delivery) endedLocked(n int) func() {
	last, left, then := n > 0 && d.pending == 0, d.left, d.then
	return func() {
		if last {
			close(d.done)
			if then != nil {
				then()
			}
		}
		if d.call == nil {
			return
		}
		if last {
			d.call.finished(left)
		}
		d.call.f.ledger.settle(n)
	}
}

// whenDone calls then, once, when all is settled, unless forget comes first.
// then must not block.
func (d *delivery) whenDone(then func()) {
	d.mu.Lock()
	now := d.pending == 0 && !d.forgotten
	if !now && !d.forgotten {
		d.then = then
	}
	d.mu.Unlock()
	if now {
		then()
	}
}

// forget reports whether it has kept the function of whenDone from being
// called.
func (d *delivery) forget() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pending == 0 {
		return false
	}
	d.forgotten, d.then = true, nil
	return true
}

// leave settles the messages from first on, which were withdrawn, as not sent
// because of why, and returns what is known now. partition is where the others
// are going.
func (d *delivery) leave(first int, partition int32, why error) error {
	d.mu.Lock()
	for i := first; i < len(d.messages); i++ {
		d.settleLocked(i, deliver.Result{Outcome: deliver.NotSent, Partition: -1, Offset: -1, Err: why})
	}
	d.left, d.partition = d.pending > 0, partition
	err := d.outcomeLocked(why)
	after := d.endedLocked(len(d.messages) - first)
	d.mu.Unlock()
	after()
	return err
}

// outcome is nil when all is acknowledged; all is settled.
func (d *delivery) outcome() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.outcomeLocked(nil)
}

// sofar is what is known when somebody waits no longer because ctx has ended.
func (d *delivery) sofar(ctx context.Context) error {
	d.mu.Lock()
	partition := d.partition
	d.mu.Unlock()
	why := d.call.f.watch.because(ctx, partition)
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.outcomeLocked(why)
}

// outcomeLocked counts what is not settled yet as unknown, because of why.
func (d *delivery) outcomeLocked(why error) error {
	var failures []Failure
	for i, r := range d.results {
		if d.settled[i] && r.Outcome == deliver.Acknowledged {
			continue
		}
		if !d.settled[i] {
			r = deliver.Result{Outcome: deliver.Unknown, Partition: d.partition, Err: why}
		}
		failures = append(failures, Failure{
			Message:    i,
			FirstEvent: d.messages[i].firstEvent,
			Events:     d.messages[i].events,
			Outcome:    Outcome(r.Outcome),
			Partition:  r.Partition,
			Err:        d.cause(r.Err),
		})
	}
	if len(failures) == 0 {
		return nil
	}
	return &DeliveryError{Messages: len(d.messages), Failures: failures, delivery: d}
}

// cause puts the seam's error into this package's words.
func (d *delivery) cause(err error) error {
	if d.call != nil {
		err = d.call.f.explained(err)
	}
	switch {
	case err == deliver.ErrClosed: //nolint:errorlint // alone it needs no companion
		return ErrClosed
	case errors.Is(err, deliver.ErrClosed):
		return &closedError{err}
	default:
		return err
	}
}

// A closedError is what a producer says of a message when it was closed.
type closedError struct{ err error }

func (e *closedError) Error() string   { return "forwarder: " + e.err.Error() }
func (e *closedError) Unwrap() []error { return []error{ErrClosed, e.err} }

// acknowledged lists what is in Kafka by now.
func (d *delivery) acknowledged() []Message {
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []Message
	for i, r := range d.results {
		if d.settled[i] && r.Outcome == deliver.Acknowledged {
			m := d.messages[i]
			list = append(list, Message{Partition: r.Partition, Offset: r.Offset, Events: m.events, Bytes: len(m.value)})
		}
	}
	return list
}

// notSent is the outcome of messages that the producer never got.
func notSent(d *delivery, why error) error { return d.leave(0, -1, why) }
