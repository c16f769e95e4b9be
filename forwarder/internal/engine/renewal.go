package engine

import (
	"math/rand/v2"
	"time"
)

// renewalPause is the longest time after which a newer connection that was refused
// is asked for again.
const renewalPause = 30 * time.Second

// renewAt returns when a connection that is opened now becomes old: some time before
// maxAge, so that not all connections of a cluster are renewed at once.
func renewAt(now time.Time, maxAge time.Duration, r *rand.Rand) time.Time {
	if maxAge <= 0 {
		return time.Time{}
	}
	return now.Add(maxAge - time.Duration(r.Int64N(int64(maxAge/10+1))))
}

// A renewal replaces a worker's connection, which has become old, by a newer one.
// That is opened first, on a goroutine of its own, while the old one is used on. The
// lock of the brokers guards it.
type renewal struct {
	maxAge  time.Duration // 0: nothing is renewed
	due     time.Time     // when a newer connection is to be opened
	opening bool          // it is being opened
	opened  brokerConn    // it takes over when nothing is in flight; nil: none
	when    time.Time     // opened was
	answers int           // on opened
}

// beginLocked reports whether a newer connection is to be opened now.
func (r *renewal) beginLocked(now time.Time) bool {
	if r.maxAge <= 0 || now.Before(r.due) || r.opening || r.opened != nil {
		return false
	}
	r.opening = true
	return true
}

// laterLocked has another try made after a pause.
func (r *renewal) laterLocked(now time.Time) { r.due = now.Add(min(renewalPause, r.maxAge)) }

// takeLocked returns the newer connection and forgets it.
func (r *renewal) takeLocked() (newer brokerConn) {
	newer, r.opened = r.opened, nil
	return newer
}
