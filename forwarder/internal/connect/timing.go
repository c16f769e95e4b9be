package connect

import (
	"context"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/backoff"
	"github.com/eventferry/eventferry/forwarder/internal/ctxwait"
)

const (
	defaultStartTimeout = 30 * time.Second        // when ctx has no deadline
	attemptTimeout      = 10 * time.Second        // for one connection, with all that is asked on it
	serverStagger       = 50 * time.Millisecond   // between the first attempts at one server and the next
	refusalConfirmation = 500 * time.Millisecond  // for another server to contradict a refusal
	slowConfirmation    = 8                       // times what the refusal took: no refusal stands sooner
	topicConfirmation   = 1500 * time.Millisecond // the same for a topic that is missing: it may have been created just now
	idConfirmation      = 2 * time.Second         // for a broker to have a producer id, where each step is tried by itself
	firstProbeBackoff   = 100 * time.Millisecond  // between two attempts at one server; doubles up to the longest
	maxProbeBackoff     = time.Second
	maxHangUps          = 2 // so often in a row a server may close the connection before that counts as a refusal
)

// WithStartTimeout gives ctx a deadline of 30 seconds if it has none.
func WithStartTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, defaultStartTimeout)
}

// pauseAfter waits after the attempt with this number, counted from 0. It reports
// false when ctx ended the wait.
func pauseAfter(ctx context.Context, attempt int) bool {
	return ctxwait.Sleep(ctx, backoff.Exponential(firstProbeBackoff, maxProbeBackoff, attempt))
}
