// Package ctxwait waits, but no longer than a context lasts.
package ctxwait

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errGoroutineEnded is the error of a function that has ended its goroutine, as FailNow of
// package testing does.
var errGoroutineEnded = errors.New("the function ended its goroutine instead of returning")

// Do runs f on a goroutine of its own and returns its result. It is for
// functions that may not heed ctx: when ctx ends, Do waits for grace more, in
// which f may still say why it failed, and then returns [Err]. A result that
// comes later goes to discard, unless that is nil.
func Do[T any](ctx context.Context, grace time.Duration, f func() (T, error), discard func(T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	results, gone := make(chan result), make(chan struct{})
	defer close(gone)
	go func() {
		r := result{err: errGoroutineEnded}
		defer func() { // also if f ends the goroutine
			select {
			case results <- r:
			case <-gone:
				if discard != nil {
					discard(r.value, r.err)
				}
			}
		}()
		r.value, r.err = f()
	}()
	select {
	case r := <-results:
		return r.value, r.err
	case <-ctx.Done():
	}
	if grace > 0 {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case r := <-results:
			return r.value, r.err
		case <-timer.C:
		}
	}
	var none T
	return none, Err(ctx)
}

// Sleep waits for d and reports whether it did: false means that ctx ended
// first.
func Sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Err returns why ctx ended. Callers may look for ctx.Err() and for the cause
// that was given to the context, so it carries both.
func Err(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	switch {
	case cause == nil:
		return err
	case errors.Is(cause, err):
		return cause
	default:
		return fmt.Errorf("%w: %w", err, cause)
	}
}
