package engine

import (
	"math/rand/v2"
	"time"
)

// A queue is one partition's way.
type queue struct {
	partition int32
	waiting   fifo // entries with messages that are in no bundle
	bytes     int  // of those messages

	// held are the bundles that are sealed and not settled. Only the first is
	// ever under way; there are others only after one was split.
	held   []*bundle
	flying bool // the first of held is in a request

	producer producer
	limit    int       // of a bundle; 0: the engine's. Lower where the broker takes less
	limited  time.Time // when that was learned

	leader *leader // nil while there is none
	tried  int32   // the broker that has had the last bundle
	state  state   // where leader has it

	since    time.Time // of the last progress, or of the first message after a pause
	failures int       // in a row
	after    time.Time // do not send before
	cause    error     // of the last failure; nil when there was none since the last progress
	chance   *rand.Rand
}

// A state is where a queue is with its leader.
type state int8

const (
	idle  state = iota // it has nothing to send, or cannot send it now
	later              // in leader.later: it has, but not yet
	ready              // in leader.ready
)

// undecided reports whether messages of q are neither settled nor taken back.
func (q *queue) undecided() bool { return len(q.held) > 0 || !q.waiting.empty() }

// countLocked changes the number of bytes that wait.
func (q *queue) countLocked(n int) {
	q.bytes += n
	if q.state == ready {
		q.leader.pending += n
	}
}

// pendingLocked is how much q has to send.
func (q *queue) pendingLocked() int {
	if len(q.held) > 0 {
		return q.held[0].bytes + q.bytes
	}
	return q.bytes
}

// nextLocked is how much of it goes next, if a bundle may have so many bytes.
func (q *queue) nextLocked(limit int) int {
	if len(q.held) > 0 {
		return q.held[0].bytes
	}
	return min(q.bytes, limit)
}

// A producer is who writes to a partition, in Kafka's eyes. Each partition has
// its own: its epoch is then nobody else's business, also where a broker keeps
// one for all partitions.
type producer struct {
	id     int64 // noProducer while there is none
	wanted bool
	epoch  int16
	next   int32 // sequence number: what the broker has acknowledged ends before it
}

const noProducer = -1

// advance counts n messages that were written. Brokers go on with 0 after
// 2^31-1, so bits do the arithmetic.
func (p *producer) advance(n int) {
	const most = 1<<31 - 1
	p.next = int32((int64(p.next) + int64(n)) & most)
}

// restart begins a new epoch, which ends what may still be under way with the
// old one.
func (p *producer) restart() {
	const last = 1<<15 - 1
	p.next = 0
	if p.epoch == last { // another producer, then
		*p = producer{id: noProducer}
		return
	}
	p.epoch++
}

// listLocked puts q where its leader will find it, if it has anything to send.
func (e *Engine) listLocked(q *queue, now time.Time) {
	l := q.leader
	if q.state == ready || q.flying || !q.undecided() {
		return
	}
	if l == nil {
		e.directory.wantLocked()
		return
	}
	if q.producer.id == noProducer {
		e.ids.wantLocked(q)
		return
	}
	if due := q.dueLocked(e.limits); due.After(now) {
		if q.state == idle {
			q.state = later
			l.later = append(l.later, q)
			l.kick()
		}
		return
	}
	q.unlistLocked()
	q.state = ready
	l.ready = append(l.ready, q)
	l.pending += q.pendingLocked()
	l.wakeLocked()
}

// dueLocked is when q may send.
func (q *queue) dueLocked(limits limits) time.Time {
	due := q.after
	if len(q.held) == 0 && q.bytes < limits.of(q) && limits.linger > 0 {
		if full := q.waiting.first.since.Add(limits.linger); full.After(due) {
			due = full
		}
	}
	return due
}

// unlistLocked takes q off its leader's lists.
func (q *queue) unlistLocked() {
	switch l := q.leader; q.state {
	case ready:
		l.ready = without(l.ready, q)
		l.pending -= q.pendingLocked()
	case later:
		l.later = without(l.later, q)
	case idle:
	}
	q.state = idle
}

// emptiedLocked forgets what was wrong, if there is nothing left that it was
// wrong for.
func (q *queue) emptiedLocked() {
	if !q.undecided() {
		q.unlistLocked()
		q.failures, q.cause, q.after = 0, nil, time.Time{}
	}
}

// moveLocked gives q to another leader, or to none.
func (e *Engine) moveLocked(q *queue, l *leader, now time.Time) {
	if old := q.leader; old != nil && old != l {
		q.unlistLocked()
		q.leader = nil
		old.led--
		old.kick() // it may be of no use any more
	}
	if l != nil && q.leader == nil {
		q.leader = l
		l.led++
		if q.tried != l.id && q.failures <= 1 {
			// What has failed was another's. If it has failed again, they may be
			// brokers that take each other for the leader.
			q.after = time.Time{}
		}
		e.listLocked(q, now)
	}
}

func without(list []*queue, q *queue) []*queue {
	kept := list[:0]
	for _, other := range list {
		if other != q {
			kept = append(kept, other)
		}
	}
	clear(list[len(kept):])
	return kept
}

// failedLocked notes why the first bundle of q goes nowhere, and when it is
// tried again.
func (q *queue) failedLocked(cause error, now time.Time) {
	q.failures++
	q.cause = cause
	q.after = now.Add(pause(q.failures, q.chance))
}

// sealLocked takes what may go together off the front of q, and holds it. q is
// not listed.
func (e *Engine) sealLocked(q *queue, limit int) *bundle {
	b := e.newBundleLocked(q)
	for t := q.waiting.first; t != nil && b.takeLocked(t, limit); t = q.waiting.first {
		q.waiting.remove(t)
	}
	q.bytes -= b.bytes
	q.held = append(q.held, b)
	return b
}

// dissolveLocked puts the messages of a bundle that is certainly not written
// back where they came from: they can be taken back now, and go with others
// next time.
func (e *Engine) dissolveLocked(q *queue) {
	b := q.held[0]
	for _, c := range b.cargo {
		if c.entry.next != c.to {
			return // one behind it was refused, which is settled: what is left of b stays together
		}
	}
	q.held = q.held[:0]
	for i := len(b.cargo) - 1; i >= 0; i-- {
		c := b.cargo[i]
		c.entry.next = c.from
		if c.entry.in == nil {
			q.waiting.pushFront(c.entry)
		}
	}
	q.bytes += b.bytes // it is not listed: it has just failed
	e.freeLocked(b)
}

func newQueue(e *Engine, partition int32) *queue {
	return &queue{
		partition: partition,
		producer:  producer{id: noProducer, next: e.limits.first},
		tried:     noLeader,
		chance:    e.chance(chanceQueue + uint64(partition)), //nolint:gosec // not negative
	}
}
