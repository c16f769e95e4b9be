package engine

import (
	"math/rand/v2"
	"time"
)

// keyless is where messages without a key go: to one partition until a bundle
// of it is sealed, then to another, as in KIP-480 and KIP-794. One by one they
// would make a small bundle of each partition.
type keyless struct {
	rand   *rand.Rand
	queue  *queue // nil: to be chosen
	bytes  int    // that have gone there
	chosen []*queue
}

// stickLocked is the partition for messages of this size without a key.
func (e *Engine) stickLocked(size int, now time.Time) int32 {
	k := &e.keyless
	if q := k.queue; q != nil && q.healthyLocked(now) && k.bytes+size <= min(stickyBytes, e.limits.bundle) {
		k.bytes += size
		return q.partition
	}
	for _, fit := range []func(*queue) bool{
		func(q *queue) bool { return q.healthyLocked(now) },
		func(q *queue) bool { return q.leader != nil },
		func(*queue) bool { return true }, // without any leader they wait like all the others
	} {
		k.chosen = k.chosen[:0]
		for _, q := range e.queues[:e.partitions.Load()] {
			if fit(q) {
				k.chosen = append(k.chosen, q)
			}
		}
		if len(k.chosen) > 0 {
			break
		}
	}
	k.queue, k.bytes = k.chosen[k.rand.IntN(len(k.chosen))], size
	return k.queue.partition
}

// stickyBytes is how much goes to one partition before another one is chosen
// although no bundle has been sealed: nobody knows when that will be.
const stickyBytes = 128 << 10

// suspicious is how long the answer to a bundle may take before what can choose
// goes elsewhere.
const suspicious = 500 * time.Millisecond

// healthyLocked reports whether what is put into q now is likely to be sent
// soon.
func (q *queue) healthyLocked(now time.Time) bool {
	l := q.leader
	if l == nil || l.after.After(now) || q.failures > 0 || q.flying && len(l.air) > 0 && now.Sub(l.air[0].sent) >= suspicious {
		return false
	}
	// One that has failed and has nothing to do would never be tried again.
	return l.failures == 0 || len(l.ready) == 0 && len(l.air) == 0
}

// sealedLocked moves messages without a key on, once q has gone.
func (k *keyless) sealedLocked(q *queue) {
	if k.queue == q {
		k.queue = nil
	}
}
