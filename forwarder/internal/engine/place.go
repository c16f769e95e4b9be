package engine

import (
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/deliver"
)

// Submit implements [deliver.Producer].
func (e *Engine) Submit(g *deliver.Group) {
	t := newEntry(g)
	g.State = t
	key := g.Messages[0].Key
	count := e.partitions.Load()
	partition, err := e.choose(key, count)
	now := time.Now()
	e.mu.Lock()
	for count != e.partitions.Load() && err == nil { // the number at acceptance counts
		e.mu.Unlock()
		count = e.partitions.Load()
		partition, err = e.choose(key, count)
		e.mu.Lock()
	}
	if e.closed {
		err = deliver.ErrClosed
	}
	switch {
	case err != nil:
		t.next = t.end // nothing of it can be taken back
	case count == 0 || !e.unplaced.empty(): // behind those that came before
		t.stamp, t.since = e.stampLocked(now), now
		if e.unplaced.empty() {
			e.since = now
			e.directory.wantLocked()
		}
		e.unplaced.pushBack(t)
	default:
		t.stamp, t.since = e.stampLocked(now), now
		e.enqueueLocked(t, partition, now)
	}
	e.mu.Unlock()
	if err != nil {
		t.refuse(0, t.end, err)
	}
}

// stampLocked is the wall clock, unless that has been set back.
func (e *Engine) stampLocked(now time.Time) int64 {
	e.stamp = max(e.stamp, now.UnixMilli())
	return e.stamp
}

// choose is where a key goes: keyed to one partition for ever, or noKey. It may
// run the caller's code.
func (e *Engine) choose(key []byte, count int32) (partition int32, err error) {
	if key == nil || count == 0 {
		return noKey, nil
	}
	defer func() {
		if v := recover(); v != nil { // the messages must not stay undecided
			partition, err = noKey, fmt.Errorf("choosing a partition: panicked (%T)", v)
		}
	}()
	partition = e.hash(key, count)
	if partition < 0 || partition >= count {
		return noKey, fmt.Errorf("choosing a partition: the function chose %d of %d: %w", partition, count, sarama.ErrInvalidPartition)
	}
	return partition, nil
}

const noKey = int32(-1)

// enqueueLocked puts t at the end of its partition's queue.
func (e *Engine) enqueueLocked(t *entry, partition int32, now time.Time) {
	size := t.waitingBytes()
	if partition == noKey {
		partition = e.stickLocked(size, now)
	}
	q := e.queues[partition]
	if !q.undecided() {
		q.since = now
	}
	t.queue = q
	q.waiting.pushBack(t)
	q.countLocked(size)
	if q.state == ready {
		q.leader.wakeLocked()
		return
	}
	e.listLocked(q, now)
}

// placeWaiting places what was accepted while the partitions were not known, in
// the order of acceptance. Only the directory calls it.
func (e *Engine) placeWaiting() {
	for {
		e.mu.Lock()
		t, count := e.unplaced.first, e.partitions.Load()
		e.mu.Unlock()
		if t == nil || count == 0 {
			return
		}
		partition, err := e.choose(t.messages[0].Key, count)
		now := time.Now()
		var done settlements
		e.mu.Lock()
		if t.in == &e.unplaced { // not taken back meanwhile
			e.unplaced.remove(t)
			if err == nil {
				e.enqueueLocked(t, partition, now)
			} else {
				done.entries = append(done.entries, refusal{t, t.next, t.end, err})
				t.next = t.end
			}
		}
		e.mu.Unlock()
		done.settle(e)
	}
}
