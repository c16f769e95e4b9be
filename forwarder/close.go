package forwarder

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/ctxwait"
)

// Shutdown refuses new batches with [ErrClosed], also those that still wait for
// room in the buffer, waits until every accepted message is decided, then ends
// the producer and returns nil. If ctx ends first, the error says how many
// messages are undecided, and delivery goes on: Shutdown may be called again to
// go on waiting, and [Forwarder.Close] to abort. If Close aborts meanwhile, the
// error is ErrClosed, wrapped, with the number of messages that were undecided.
//
// With a spool it waits until all that is stored is in Kafka or refused. If ctx
// ends first, the error says how many messages are left: they stay on the disk,
// and go out after the next start.
//
// The first Shutdown that finds messages to send logs how many, and until when it waits.
//
// It may be called by several goroutines, and after Close. It must not be
// called from a filter, an observer or a done function: it waits for them, and
// for the calls that they run in, but for no calls that begin later.
func (f *Forwarder) Shutdown(ctx context.Context) error {
	f.refuse()
	f.logStopping(ctx)
	if f.spool != nil {
		return f.shutdownSpool(ctx)
	}
	select {
	case <-f.inFlight.drained():
	default:
		select {
		case <-f.inFlight.drained():
		case <-ctx.Done():
			why := whyWaits(ctx, f.topics)
			return fmt.Errorf("forwarder: shutting down: %s undecided: %w", messageCount(f.inFlight.messages()), why)
		}
	}
	if n := f.aborted.Load(); n > 0 {
		return fmt.Errorf("forwarder: shutting down: %s undecided when Close came: %w", messageCount(int(n)), ErrClosed)
	}
	return f.endWithin(ctx)
}

// logStopping says that there is something to send before the end: its log would be
// silent until then.
func (f *Forwarder) logStopping(ctx context.Context) {
	n := f.inFlight.messages()
	if f.spool != nil {
		n = f.spool().pending()
	}
	if n == 0 {
		return
	}
	f.stopping.Do(func() {
		until := "all is sent"
		if deadline, ok := ctx.Deadline(); ok {
			until = deadline.UTC().Format(time.RFC3339)
		}
		f.options.logger.InfoContext(ctx, "stopping: sending what is left", slog.Int("messages_to_send", n), slog.String("until", until))
	})
}

// shutdownSpool is Shutdown with a spool.
func (f *Forwarder) shutdownSpool(ctx context.Context) error {
	select {
	case <-f.inFlight.drained(): // calls that add to the spool
	case <-ctx.Done():
	}
	f.spool().closeWindows()
	left, err := f.spool().waitEmpty(ctx)
	switch {
	case err == nil:
		return f.endWithin(ctx)
	case ctx.Err() == nil:
		return fmt.Errorf("forwarder: shutting down: %s left in the spool when Close came: %w", messageCount(left), ErrClosed)
	default:
		why := whyWaits(ctx, f.topics)
		return fmt.Errorf("forwarder: shutting down: %s left in the spool, for the next start: %w", messageCount(left), why)
	}
}

// endWithin is end, but no longer than ctx lasts.
func (f *Forwarder) endWithin(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() { ended <- f.end() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return fmt.Errorf("forwarder: shutting down: nothing undecided, but calls or connections have not ended: %w", ctxwait.Err(ctx))
	}
}

// Close aborts. Its error is always nil, and makes a Forwarder an [io.Closer].
//
// It refuses new batches, withdraws the messages that are in no request, and
// ends the producer. Every call that waits returns, with [ErrClosed] among its
// causes; its messages are not sent or unknown.
//
// With a spool, what is stored stays on the disk and goes out after the next
// start; calls that wait for Kafka get [Stored], with ErrClosed as the cause. A
// spool that the forwarder has opened is closed, too.
//
// Close takes as long as closing the connections, and as the filters, observers
// and done functions that run still take. It does not wait for the end of a
// broker's throttle time: at most half a second more, when a request is being
// written. When Close returns, nothing of the forwarder runs any more, save
// Sarama's goroutines that see their connections closed, which one that waits for
// a quota does only at its end, a caller's function for credentials or dialling
// that has not returned, a [Forwarder.Ping], and calls that began afterwards,
// which are refused.
//
// It may be called again, by several goroutines, and during or after Shutdown,
// so a deferred Close is always right. It must not be called from a filter, an
// observer or a done function: it waits for them, and for the calls that they run
// in, but for no calls that begin later. A filter that may hang needs a context
// that ends: Close ends no caller's.
func (f *Forwarder) Close() error {
	f.refuse()
	f.aborted.CompareAndSwap(0, int64(f.inFlight.messages()))
	return f.end()
}

// end ends what runs and waits for it.
func (f *Forwarder) end() error {
	if f.spool != nil {
		<-f.inFlight.drained() // calls that add to the spool
		f.spool().endWindows()
		f.spool().drain.Close()
	}
	errs := make([]error, len(f.topics))
	var closing sync.WaitGroup
	for i, t := range f.topics {
		closing.Go(func() {
			errs[i] = t.producer().Close()
			if f.spool != nil {
				f.spool().end()
			}
			t.watch.Close()
		})
	}
	closing.Wait()
	<-f.inFlight.idle()
	if f.spool != nil {
		f.spool().detach()
	}
	if closed := f.options.observer.Closed; closed != nil {
		f.closed.Do(closed)
	}
	return errors.Join(errs...)
}

func (f *Forwarder) refuse() {
	f.inFlight.close()
	f.buffer.close()
	if f.spool != nil {
		f.spool().room.buffer.close()
		f.spool().refuse()
	}
}

func messageCount(n int) string {
	if n == 1 {
		return "1 message"
	}
	return fmt.Sprintf("%d messages", n)
}
