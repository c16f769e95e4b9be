package engine

import (
	"math/rand/v2"
	"time"
)

// A topicPartition holds what waits to be written to one partition.
type topicPartition struct {
	topic        int // of the brokers' engines
	id           int32
	waiting      submissionList // with messages that are in no record batch
	waitingBytes int            // of those messages

	// sealed are the record batches that are not settled. Only the first is ever
	// in flight. There are others only after one was split.
	sealed   []*recordBatch
	inFlight bool // sealed[0] is in a request, or askedForLog

	askedForLog bool // the leader is asked whether sealed[0] is in its log

	lastTimestamp int64 // of the newest record batch, with a journal
	topicReplaced bool  // while it was in flight: its numbers are no longer good

	producer            producerState
	maxRecordBatchBytes int       // learned from the broker's refusal; 0: none
	limitLearnedAt      time.Time // when that was

	leader      *brokerWorker // nil while there is none
	leaderEpoch int32         // of the newest metadata; noEpoch: not told
	lastBroker  int32         // id of the broker that the last record batch was sent to
	schedule    scheduleState

	waitingSince time.Time // the last progress, or the first message after a pause
	failures     int       // consecutive
	notBefore    time.Time // back-off
	cause        error     // of the last failure; nil when there was none since the last progress
	rand         *rand.Rand
}

func newTopicPartition(id, firstSequence int32, r *rand.Rand) *topicPartition {
	return &topicPartition{
		id:          id,
		producer:    producerState{id: noProducerID, nextSequence: firstSequence},
		leaderEpoch: noEpoch,
		lastBroker:  noLeader,
		rand:        r,
	}
}

// undecided reports whether messages of p are neither settled nor withdrawn.
func (p *topicPartition) undecided() bool { return len(p.sealed) > 0 || !p.waiting.empty() }

// pendingBytesLocked returns the size of what p has to send.
func (p *topicPartition) pendingBytesLocked() int {
	if len(p.sealed) > 0 {
		return p.sealed[0].bytes + p.waitingBytes
	}
	return p.waitingBytes
}

// nextBytesLocked returns the size of p's next record batch, given its limit.
func (p *topicPartition) nextBytesLocked(limit int) int {
	if len(p.sealed) > 0 {
		return p.sealed[0].bytes
	}
	if p.waitingBytes <= limit {
		return p.waitingBytes
	}
	first := p.waiting.first
	return max(limit, first.messages[first.next].Size()) // a message larger than the limit goes alone
}

// progressLocked ends a series of failures.
func (p *topicPartition) progressLocked(now time.Time) {
	p.waitingSince, p.failures, p.cause = now, 0, nil
}

// failedLocked records why the first record batch of p was not written, and when
// it is retried.
func (p *topicPartition) failedLocked(cause error, now time.Time) {
	p.failures++
	p.cause = cause
	p.notBefore = now.Add(backoffAfter(p.failures, p.rand))
}

// resetIfEmptyLocked forgets failures once there is nothing left to send.
func (p *topicPartition) resetIfEmptyLocked() {
	if !p.undecided() {
		p.unscheduleLocked()
		p.failures, p.cause, p.notBefore = 0, nil, time.Time{}
	}
}

// healthyLocked reports whether messages that are added to p now are likely to be
// sent soon.
func (p *topicPartition) healthyLocked(now time.Time) bool {
	w := p.leader
	if w == nil || w.notBefore.After(now) || p.failures > 0 || p.inFlight && w.inFlight.oldestFor(now) >= slowAnswerAfter {
		return false
	}
	// A broker that has failed and has nothing to do would never be tried again.
	return w.failures == 0 || len(w.ready) == 0 && len(w.inFlight) == 0
}

// slowAnswerAfter is how long an answer may take before messages without a key
// go elsewhere.
const slowAnswerAfter = 500 * time.Millisecond

// sealLocked moves waiting messages of p, up to limit bytes, into b.
func (p *topicPartition) sealLocked(b *recordBatch, limit int) {
	for s := p.waiting.first; s != nil && b.appendFromLocked(s, limit); s = p.waiting.first {
		p.waiting.remove(s)
	}
	p.waitingBytes -= b.bytes
	b.topic = p.topic
	p.sealed = append(p.sealed, b)
}

// requeueLocked makes the messages of the only record batch, which was certainly
// not written, wait again: they can be withdrawn, and be sent with others. It
// returns the emptied record batch, or nil if it stays.
func (p *topicPartition) requeueLocked() *recordBatch {
	b := p.sealed[0]
	for _, r := range b.ranges {
		if r.submission.next != r.to {
			return nil // a later message was refused and settled: the rest of b stays together
		}
	}
	p.sealed = p.sealed[:0]
	for i := len(b.ranges) - 1; i >= 0; i-- {
		r := b.ranges[i]
		r.submission.next = r.from
		if r.submission.list == nil {
			p.waiting.pushFront(r.submission)
		}
	}
	p.waitingBytes += b.bytes // p is not scheduled: it has just failed
	return b
}
