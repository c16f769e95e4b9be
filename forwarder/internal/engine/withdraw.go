package engine

import (
	"slices"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// Withdraw implements [producer.Producer].
func (e *Engine) Withdraw(g *producer.Group) (partition int32, first int) {
	s := g.State.(*submission) //nolint:errcheck // Submit has set it
	e.mu.Lock()
	defer e.mu.Unlock()
	return s.partition, e.withdrawRestLocked(s)
}

// withdrawRestLocked removes the messages at the end of s that were certainly
// not written, so that the caller settles them. It returns the index of the
// first of them.
func (e *Engine) withdrawRestLocked(s *submission) int {
	if s.doubtful {
		return s.end
	}
	var p *topicPartition
	if s.partition != noPartition {
		p = e.partitions[s.partition]
		e.unsealLocked(p, s)
	}
	if s.list != nil {
		s.list.remove(s)
		if p != nil {
			p.addWaitingBytesLocked(-s.waitingBytes())
		}
	}
	s.end = s.next
	if p != nil {
		p.resetIfEmptyLocked()
		e.scheduleLocked(p, time.Now())
	}
	return s.next
}

// unsealLocked takes the last messages of s out of the record batches that wait
// to be retried and were certainly not written. They wait again.
func (e *Engine) unsealLocked(p *topicPartition, s *submission) {
	for i := len(p.sealed) - 1; i >= 0; i-- {
		b := p.sealed[i]
		if b.mayBeWritten || i == 0 && p.inFlight {
			return
		}
		at := slices.IndexFunc(b.ranges, func(r messageRange) bool { return r.submission == s && r.to == s.next })
		if at < 0 {
			continue
		}
		p.unscheduleLocked()
		e.intents.notWrittenLocked(b)
		p.waitingBytes += b.removeRangeLocked(at)
		if s.list == nil {
			p.waiting.pushFront(s) // the caller removes it again
		}
		if b.count == 0 {
			p.sealed = slices.Delete(p.sealed, i, i+1)
			e.batchPool.put(b)
		}
	}
}
