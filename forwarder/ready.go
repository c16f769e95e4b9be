package forwarder

import (
	"fmt"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/watch"
)

// Ready returns nil while batches are accepted, and otherwise why they are not:
// [ErrClosed] after Close or Shutdown was called, or that the buffer is full and that
// calls have waited for room in it for a second in which none was given any. The
// error then says how many calls wait, and wraps what delivery waits for, if that is
// known.
//
// With a spool batches are accepted while it takes them, whatever Kafka does. When a
// batch has found no room in it the error wraps [spool.ErrFull] and, if the disk has
// refused, the disk's error, until there is room for a batch of that size.
//
// Ready is for readiness probes. It asks no broker and does not block, so that it can
// be called as often as they like. That Kafka, or a part of it, is away is no reason
// to take an instance out of service: its buffer takes batches meanwhile, no other
// instance could deliver them either, and those for brokers that are there are
// delivered. Ready becomes an error only when waiting callers would be all that more
// traffic brings. Liveness probes need neither Ready nor [Forwarder.Ping]: no restart
// mends Kafka, and it loses the buffer.
func (f *Forwarder) Ready() error {
	if f.inFlight.isClosed() {
		return ErrClosed
	}
	if f.spool != nil {
		if err := f.spool().accepts(); err != nil {
			return fmt.Errorf("forwarder: %w", err)
		}
	}
	full, ok := f.buffer.full()
	if !ok {
		return nil
	}
	err := fmt.Errorf("forwarder: the buffer is full: %d of %d bytes are taken, and %s; "+
		"raise delivery.max_buffered_bytes if that is usual", full.used, f.buffer.limit, full)
	if f.spool != nil {
		return err // it waits for the disk
	}
	for _, t := range f.topics {
		if cause := t.watch.Cause(watch.AnyPartition); cause != nil {
			return fmt.Errorf("%w: delivery waits: %w", err, cause)
		}
	}
	return err
}

// String says who waits, as a part of a sentence.
func (s fullBuffer) String() string {
	if s.waiting == 0 {
		return fmt.Sprintf("the last call that waited for room needed %d", s.needed)
	}
	calls := "calls wait"
	if s.waiting == 1 {
		calls = "call waits"
	}
	return fmt.Sprintf("%d %s for room, none of which was given any for %v", s.waiting, calls, s.since.Round(time.Millisecond))
}
