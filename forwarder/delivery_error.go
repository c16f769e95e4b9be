package forwarder

import (
	"context"
	"fmt"
	"slices"

	"github.com/eventferry/eventferry/batch"
)

// An Outcome says whether one message is in Kafka, as far as that is known.
type Outcome int8

// The outcomes. The zero value claims the least.
const (
	// Unknown: the message may or may not be in Kafka, or may still get there.
	// Sending it again may duplicate it.
	Unknown Outcome = iota
	// Acknowledged: all in-sync replicas have it.
	Acknowledged
	// NotSent: it is not in Kafka and can no longer get there.
	NotSent
	// Stored: it is synced to the spool, and will be in Kafka once. Only a
	// forwarder with a spool has it (see [Kept]).
	Stored
)

// String returns "unknown", "acknowledged", "not sent" or "stored".
func (o Outcome) String() string {
	switch o {
	case Acknowledged:
		return "acknowledged"
	case NotSent:
		return "not sent"
	case Stored:
		return "stored"
	default:
		return "unknown"
	}
}

// A Failure is one message that was not acknowledged.
type Failure struct {
	Message    int     // position among the messages of the batch, from 0
	FirstEvent int     // the first event in it, counted among those that were to be sent to its topic
	Events     int     // how many events it carries; 0 for an eventless batch
	Outcome    Outcome // NotSent, Unknown or Stored
	Topic      string  // with [NewRoutes], the topic, if the message was accepted; else empty
	Partition  int32   // -1 if none was chosen
	Err        error   // never nil
}

// A DeliveryError lists the messages of one batch that were not acknowledged.
// [errors.Is] and [errors.As] see every cause, the context's error included.
//
// It is a report of one moment: a message that was unknown then may be
// acknowledged later. [DeliveryError.Wait] waits for that. For one that is made
// by hand, as in tests, Wait returns itself and Remaining nil.
type DeliveryError struct {
	Messages int       // how many messages the batch became
	Failures []Failure // in message order; never empty

	delivery *deliveryHandle // nil: the error is made by hand
}

// A deliveryHandle leads to a delivery by a function, since what prints an error by
// reflection does not look into one: the batch is in the delivery. All errors of a
// delivery have the same handle, so that reflect.DeepEqual can compare them.
type deliveryHandle struct{ delivery func() *delivery }

// handleLocked makes the handle with the first error.
func (d *delivery) handleLocked() *deliveryHandle {
	if d.handle == nil {
		d.handle = &deliveryHandle{func() *delivery { return d }}
	}
	return d.handle
}

// Error names the first failure and counts the rest.
func (e *DeliveryError) Error() string {
	text := fmt.Sprintf("forwarder: delivering: %d of %d messages not acknowledged", len(e.Failures), e.Messages)
	if len(e.Failures) == 0 {
		return text
	}
	first := e.Failures[0]
	where := ""
	switch {
	case first.Topic != "" && first.Partition >= 0:
		where = fmt.Sprintf(" (topic %q, partition %d)", first.Topic, first.Partition)
	case first.Topic != "":
		where = fmt.Sprintf(" (topic %q)", first.Topic)
	case first.Partition >= 0:
		where = fmt.Sprintf(" (partition %d)", first.Partition)
	}
	return fmt.Sprintf("%s: first is %s%s: %v", text, first.Outcome, where, first.Err)
}

// Unwrap returns the causes in message order.
func (e *DeliveryError) Unwrap() []error {
	causes := make([]error, len(e.Failures))
	for i, f := range e.Failures {
		causes[i] = f.Err
	}
	return causes
}

// Wait waits on for the messages whose outcome was unknown or stored, without
// sending anything. It returns nil once every message of the batch is
// acknowledged, and otherwise a new *DeliveryError: when all is decided, or when
// ctx ends. After [Forwarder.Store] it waits until the batch is stored only.
func (e *DeliveryError) Wait(ctx context.Context) error {
	if e.delivery == nil {
		return e
	}
	d := e.delivery.delivery()
	if d.kept != nil {
		return d.kept.wait(ctx)
	}
	if d.over.wait(ctx) { // a decided outcome comes before the end of ctx
		return d.outcome()
	}
	return d.outcomeAt(ctx)
}

// Remaining returns the batch, as it was given to Forward, with only those
// events whose messages are known not to be sent, so that forwarding it cannot
// duplicate anything. Events that were dropped have no message, so they are not
// in it; of a batch whose call ended before it was accepted all events remain.
// What is stored is not in it, and neither is what a broker has refused since:
// that is in the refused part of the spool.
// It is nil when no message is known not to be sent. While other messages of the
// batch are unknown, forwarding it may write events out of order: Wait first.
func (e *DeliveryError) Remaining() *batch.Batch {
	if e.delivery == nil {
		return nil
	}
	d := e.delivery.delivery()
	unsent := make([]bool, len(d.messages))
	for _, f := range e.Failures {
		unsent[f.Message] = f.Outcome == NotSent
	}
	if !slices.Contains(unsent, true) {
		return nil
	}
	rest := d.batch.Clone()
	cursors := d.eventCursors()
	rest.DropEvents("not to be sent again", func(ev batch.Event) bool {
		for i := range cursors {
			if message, sent := cursors[i].next(ev.Index()); sent {
				return !unsent[message]
			}
		}
		return true
	})
	return rest
}
