package engine

import (
	"slices"
	"time"
)

// A scheduleState says in which list of its leader a partition is.
type scheduleState int8

const (
	notScheduled   scheduleState = iota // it has nothing to send, or cannot send it now
	scheduledLater                      // in brokerWorker.delayed
	scheduledNow                        // in brokerWorker.ready
)

// scheduleLocked puts p where its leader's worker finds it, if p has anything to
// send, or requests what p lacks for that.
func (e *Engine) scheduleLocked(p *topicPartition, now time.Time) {
	w := p.leader
	if p.schedule == scheduledNow || p.inFlight || !p.undecided() {
		return
	}
	if w == nil {
		e.metadata.requestLocked()
		return
	}
	if p.producer.id == noProducerID {
		e.producerIDs.requestLocked(producerIDRequest{p.topic, p.id, &p.producer})
		return
	}
	if p.sendAtLocked(e.limits).After(now) {
		if p.schedule == notScheduled {
			p.schedule = scheduledLater
			w.delayed = append(w.delayed, p)
			w.wakeUp()
		}
		return
	}
	p.unscheduleLocked()
	p.schedule = scheduledNow
	w.ready = append(w.ready, p)
	w.readyBytes += p.pendingBytesLocked()
	w.wakeForMoreLocked()
}

// sendAtLocked returns the time from which p may send.
func (p *topicPartition) sendAtLocked(limits sendLimits) time.Time {
	due := p.notBefore
	if len(p.sealed) == 0 && p.waitingBytes < limits.recordBatchFor(p.maxRecordBatchBytes) && limits.linger > 0 {
		if full := p.waiting.first.submittedAt.Add(limits.linger); full.After(due) {
			due = full
		}
	}
	return due
}

// unscheduleLocked removes p from its leader's lists.
func (p *topicPartition) unscheduleLocked() {
	w := p.leader
	isThis := func(other *topicPartition) bool { return other == p }
	switch p.schedule {
	case scheduledNow:
		w.ready = slices.DeleteFunc(w.ready, isThis)
		w.readyBytes -= p.pendingBytesLocked()
	case scheduledLater:
		w.delayed = slices.DeleteFunc(w.delayed, isThis)
	case notScheduled:
	}
	p.schedule = notScheduled
}

// addWaitingBytesLocked changes the number of bytes that wait.
func (p *topicPartition) addWaitingBytesLocked(n int) {
	p.waitingBytes += n
	if p.schedule == scheduledNow {
		p.leader.readyBytes += n
	}
}

// moveLocked gives p to another leader, or to none.
func (e *Engine) moveLocked(p *topicPartition, w *brokerWorker, now time.Time) {
	if old := p.leader; old != nil && old != w {
		p.unscheduleLocked()
		p.leader = nil
		old.leading--
		old.wakeUp() // it may have nothing to do any more
	}
	if w != nil && p.leader == nil {
		p.leader = w
		w.leading++
		if p.lastBroker != w.id && p.failures <= 1 {
			// The failure was another broker's. After a second one, they may be
			// brokers that take each other for the leader.
			p.notBefore = time.Time{}
		}
		e.scheduleLocked(p, now)
	}
}
