package forwarder

import (
	"context"
	"fmt"
)

// Shutdown refuses new batches with [ErrClosed], also those that still wait for
// room in the buffer, waits until every accepted message is decided, then ends
// the producer and returns nil. If ctx ends first, the error says how many
// messages are undecided, and delivery goes on: Shutdown may be called again to
// go on waiting, and [Forwarder.Close] to abort. If Close aborts meanwhile, the
// error is ErrClosed, wrapped, with the number of messages that were undecided.
//
// It may be called by several goroutines, and after Close. It must not be
// called from a filter, an observer or a done function: it waits for them, and
// for the calls that they run in, but for no calls that begin later.
func (f *Forwarder) Shutdown(ctx context.Context) error {
	f.refuse()
	select {
	case <-f.ledger.drained():
	default:
		select {
		case <-f.ledger.drained():
		case <-ctx.Done():
			why := f.watch.because(ctx, anyPartition)
			return fmt.Errorf("forwarder: shutting down: %d messages undecided: %w", f.ledger.count(), why)
		}
	}
	if n := f.aborted.Load(); n > 0 {
		return fmt.Errorf("forwarder: shutting down: %d messages were undecided: %w", n, ErrClosed)
	}
	over := make(chan error, 1)
	go func() { over <- f.end() }()
	select {
	case err := <-over:
		return err
	case <-ctx.Done():
		return fmt.Errorf("forwarder: shutting down: nothing undecided, but calls or connections have not ended: %w", ended(ctx))
	}
}

// Close aborts: it refuses new batches, takes back what is in no request, and
// ends the producer. Every call that waits returns, with
// [ErrClosed] among its causes; its messages are not sent or unknown. When
// Close returns, nothing of the forwarder runs any more, but for what the guide
// says under "The end". It always returns nil.
//
// It may be called again, by several goroutines, and during or after Shutdown,
// so a deferred Close is always right. It must not be called from a filter, an
// observer or a done function: it waits for them, and for the calls that they run
// in, but for no calls that begin later. A filter that may hang needs a context
// that ends: Close ends no caller's.
func (f *Forwarder) Close() error {
	f.refuse()
	f.aborted.CompareAndSwap(0, int64(f.ledger.count()))
	return f.end()
}

// end ends what runs and waits for it.
func (f *Forwarder) end() error {
	err := f.producer.Close()
	f.watch.close()
	<-f.ledger.silent()
	return err
}

func (f *Forwarder) refuse() {
	f.ledger.close()
	f.buffer.close()
}
