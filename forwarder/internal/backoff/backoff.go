// Package backoff says how long to wait between two attempts.
package backoff

import (
	"math/rand/v2"
	"time"
)

// Exponential returns how long to wait after the failed attempt with this
// number, counted from 0: first, then twice as long each time, up to longest.
func Exponential(first, longest time.Duration, attempt int) time.Duration {
	for ; attempt > 0 && first < longest; attempt-- {
		first *= 2
	}
	return min(first, longest)
}

// Jitter returns d or up to a fifth less, so that not all who wait come back at
// the same time.
func Jitter(d time.Duration, r *rand.Rand) time.Duration {
	if d < 5 {
		return d
	}
	return d - time.Duration(r.Int64N(int64(d)/5))
}
