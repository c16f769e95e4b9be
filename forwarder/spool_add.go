package forwarder

import (
	"context"
	"errors"
	"fmt"

	"github.com/eventferry/eventferry/forwarder/internal/ctxwait"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// add stores the messages of k. It waits for room until ctx ends, and not for the
// sync.
func (u *spoolUse) add(ctx context.Context, k *storedBatch, e *spoolstore.Entry) error {
	err := u.holdBack(ctx, k, e)
	if err == nil {
		err = u.addEntry(ctx, k, e)
	}
	return u.whyNotAdded(ctx, err)
}

// holdBack has e wait for others of its device, if there are windows.
func (u *spoolUse) holdBack(ctx context.Context, k *storedBatch, e *spoolstore.Entry) error {
	if u.windows == nil {
		return nil
	}
	err := u.windows.hold(ctx, u.stop, k.delivery.batch, e)
	k.windowed = e.Window.Waits()
	return err
}

func (u *spoolUse) addEntry(ctx context.Context, k *storedBatch, e *spoolstore.Entry) error {
	e.Stop, e.Numbered = u.stop, k
	var err error
	k.ticket, err = u.store.Add(ctx, e)
	return err
}

// whyNotAdded explains the error of an entry that was not added, if there is one.
func (u *spoolUse) whyNotAdded(ctx context.Context, err error) error {
	if full, ok := errors.AsType[*spoolstore.FullError](err); ok {
		why := *full
		why.Err = u.why(ctx)
		return fmt.Errorf("%w: %w", spool.ErrFull, &why)
	}
	if large, ok := errors.AsType[*spoolstore.TooLargeError](err); ok {
		return &TooLargeError{Event: -1, Size: large.Size, Limit: large.Limit}
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, spoolstore.ErrStopped):
		return ErrClosed
	case errors.Is(err, spoolstore.ErrClosed):
		return spool.ErrClosed
	case errors.Is(err, spoolstore.ErrTooManyFiles):
		return spool.ErrTooManyFiles
	case errors.Is(err, spoolstore.ErrReadAgain):
		return spool.ErrReadAgain
	default:
		return fmt.Errorf("storing: %w: %w", err, ctxwait.Err(ctx))
	}
}
