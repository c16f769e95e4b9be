package engine

import (
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/choose"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// unplacedSubmissions were accepted while the partitions were not known.
type unplacedSubmissions struct {
	submissions submissionList
	since       time.Time // when the first of them came
}

// Submit implements [producer.Producer].
func (e *Engine) Submit(g *producer.Group) {
	s := newSubmission(g)
	g.State = s
	count := e.partitionCount.Load()
	partition, err := e.partitionFor(s, count)
	now := time.Now()
	e.mu.Lock()
	for count != e.partitionCount.Load() && err == nil { // the number at acceptance counts
		e.mu.Unlock()
		count = e.partitionCount.Load()
		partition, err = e.partitionFor(s, count)
		e.mu.Lock()
	}
	if e.closed {
		err = producer.ErrClosed
	}
	switch {
	case err != nil:
		s.next = s.end // none of it can be withdrawn
	case count == 0 || !e.unplaced.submissions.empty(): // behind those that came before
		s.timestamp, s.submittedAt = e.clock.Next(e.datedLocked(now)), now
		if e.unplaced.submissions.empty() {
			e.unplaced.since = now
			e.metadata.requestLocked()
		}
		e.unplaced.submissions.pushBack(s)
	default:
		s.timestamp, s.submittedAt = e.clock.Next(e.datedLocked(now)), now
		e.enqueueLocked(s, partition, now)
	}
	e.mu.Unlock()
	if err != nil {
		s.settleNotSent(0, s.end, err)
	}
}

// datedLocked returns by what messages are dated that are accepted now.
func (e *Engine) datedLocked(now time.Time) time.Time {
	if e.wallClock != nil {
		return e.wallClock()
	}
	return now
}

// partitionFor returns the partition of s: the one it must go to, or that of its
// key; noPartition without either. It may run the caller's code.
func (e *Engine) partitionFor(s *submission, count int32) (int32, error) {
	key := s.messages[0].Key
	switch {
	case count == 0:
		return noPartition, nil
	case s.fixed > 0 && (s.fixed <= count || !e.everReplaced.Load()): // a broker may not know it yet
		return s.fixed - 1, nil
	case key == nil:
		return noPartition, nil
	default:
		return choose.Partition(e.hash, key, count)
	}
}

// enqueueLocked appends s to a partition, or without one to the sticky partition.
func (e *Engine) enqueueLocked(s *submission, partition int32, now time.Time) {
	size := s.waitingBytes()
	if partition == noPartition {
		partition = e.stickyPartitionLocked(size, now)
	}
	e.growLocked(partition + 1)
	p := e.partitions[partition]
	if !p.undecided() {
		p.waitingSince = now
	}
	s.partition = partition
	p.waiting.pushBack(s)
	p.addWaitingBytesLocked(size)
	if p.schedule == scheduledNow {
		p.leader.wakeForMoreLocked()
		return
	}
	e.scheduleLocked(p, now)
}

// stickyPartitionLocked returns the partition for messages of this size without a
// key.
func (e *Engine) stickyPartitionLocked(size int, now time.Time) int32 {
	healthy := func(i int32) bool { return e.partitions[i].healthyLocked(now) }
	k := &e.sticky
	if k.partition != noPartition && healthy(k.partition) && k.keep(size, e.limits.recordBatch) {
		return k.partition
	}
	return k.choose(size, e.partitionCount.Load(),
		healthy,
		func(i int32) bool { return e.partitions[i].leader != nil },
		func(int32) bool { return true }, // without any leader they wait like all others
	)
}

// placeUnplaced gives submissions that were accepted while the partitions were
// not known to their partitions, in the order of acceptance. Only the metadata
// updater calls it.
func (e *Engine) placeUnplaced() {
	waiting := &e.unplaced.submissions
	for {
		e.mu.Lock()
		s, count := waiting.first, e.partitionCount.Load()
		e.mu.Unlock()
		if s == nil || count == 0 {
			return
		}
		partition, err := e.partitionFor(s, count)
		now := time.Now()
		var done settlements
		e.mu.Lock()
		if s.list == waiting { // not withdrawn meanwhile
			waiting.remove(s)
			if err == nil {
				e.enqueueLocked(s, partition, now)
			} else {
				done.addNotSent(s, err)
			}
		}
		e.mu.Unlock()
		e.settle(&done)
	}
}
