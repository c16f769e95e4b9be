package engine

import (
	"math/rand/v2"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/backoff"
)

const (
	firstBackoff = 50 * time.Millisecond
	maxBackoff   = time.Second // as Java's retry.backoff.max.ms and reconnect.backoff.max.ms
)

// backoffAfter returns the time to wait after a number of consecutive failures.
// The first retry is immediate: a connection that was idle for long, or a leader
// that has just moved, works when it is tried again.
func backoffAfter(failures int, r *rand.Rand) time.Duration {
	if failures <= 1 {
		return 0
	}
	return backoff.Jitter(backoff.Exponential(firstBackoff, maxBackoff, failures-2), r)
}
