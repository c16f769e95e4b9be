package forwarder

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/eventferry/eventferry/batch"
)

// ErrClosed is what batches get, and [Forwarder.Ping] returns, once
// [Forwarder.Close] or [Forwarder.Shutdown] was called: wrapped or alone. What
// it refuses is not sent.
var ErrClosed = errors.New("forwarder: closed")

// errNoBatch is for what is a Batch to the compiler only.
var errNoBatch = fmt.Errorf("forwarder: a nil or zero Batch cannot be sent: %w", &batch.Error{Reason: "no JSON"})

// An Outcome is what is known of one message.
type Outcome int8

// The three outcomes. The zero value claims the least.
const (
	// Unknown: the message may or may not be in Kafka, or may still get there.
	// Sending it again may duplicate it.
	Unknown Outcome = iota
	// Acknowledged: all in-sync replicas have it.
	Acknowledged
	// NotSent: it is not in Kafka and can no longer get there.
	NotSent
)

// String returns "unknown", "acknowledged" or "not sent".
func (o Outcome) String() string {
	switch o {
	case Acknowledged:
		return "acknowledged"
	case NotSent:
		return "not sent"
	default:
		return "unknown"
	}
}

// A Failure is one message that was not acknowledged.
type Failure struct {
	Message    int     // position among the messages of the batch, from 0
	FirstEvent int     // the first event in it, counted among those that were to be sent
	Events     int     // how many events it carries; 0 for an eventless batch
	Outcome    Outcome // NotSent or Unknown
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

	delivery *delivery
}

// Error names the first failure and counts the rest.
func (e *DeliveryError) Error() string {
	text := fmt.Sprintf("forwarder: delivering: %d of %d messages not acknowledged", len(e.Failures), e.Messages)
	if len(e.Failures) == 0 {
		return text
	}
	first := e.Failures[0]
	where := ""
	if first.Partition >= 0 {
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

// Wait waits on for the messages whose outcome was unknown, without sending
// anything. It returns nil once every message of the batch is acknowledged,
// and otherwise a new *DeliveryError: when all is decided, or when ctx ends.
func (e *DeliveryError) Wait(ctx context.Context) error {
	if e.delivery == nil {
		return e
	}
	select {
	case <-e.delivery.done: // a decided outcome comes before the end of ctx
		return e.delivery.outcome()
	default:
	}
	select {
	case <-e.delivery.done:
		return e.delivery.outcome()
	case <-ctx.Done():
		return e.delivery.sofar(ctx)
	}
}

// Remaining returns the batch, as it was given to Forward, with only those
// events whose messages are known not to be sent, so that forwarding it cannot
// duplicate anything: without those that were dropped, which have none. Of a batch
// whose call ended before it was accepted all events remain. It is nil when no
// message is known not to be sent. While other messages of
// the batch are unknown, forwarding it may write events out of order: Wait
// first.
func (e *DeliveryError) Remaining() *batch.Batch {
	d := e.delivery
	if d == nil {
		return nil
	}
	unsent := make([]bool, len(d.messages))
	for _, f := range e.Failures {
		unsent[f.Message] = f.Outcome == NotSent
	}
	if !slices.Contains(unsent, true) {
		return nil
	}
	rest := d.batch.Clone()
	keep := map[int]bool{} // by position in the batch as it was given
	place, message := 0, 0
	for _, ev := range d.filtered.Events() {
		for place == d.messages[message].firstEvent+d.messages[message].events {
			message++
		}
		keep[ev.Index()] = unsent[message]
		place++
	}
	rest.DropEvents("not to be sent again", func(ev batch.Event) bool { return !keep[ev.Index()] })
	return rest
}
