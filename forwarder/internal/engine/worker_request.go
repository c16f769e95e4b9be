package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/ctxwait"
)

// buildRequestLocked makes the next request of the partitions that are ready, and
// seals their record batches.
func (w *brokerWorker) buildRequestLocked(now time.Time) *inFlightRequest {
	s := w.set
	r := &inFlightRequest{conn: w.conn, sentAt: now, pipelined: len(w.inFlight) > 0}
	most := w.requestSize.bound(min(w.wireRatio.most(s.limits), w.pacing.requestShare(w.inFlight, w.readyBytes, s.othersBusyLocked(w, now))))
	taken, messages := 0, 0
	for _, p := range w.ready {
		limit := w.requestSize.bound(s.limits.recordBatchFor(p.maxRecordBatchBytes))
		w.splitUnsentLocked(p, limit)
		size := p.nextBytesLocked(limit)
		alone := w.mustGoAloneLocked(p)
		if taken > 0 && (alone || r.request.bytes+size > most) {
			break
		}
		taken++
		w.readyBytes -= p.pendingBytesLocked()
		p.schedule = notScheduled
		if len(p.sealed) == 0 {
			p.sealLocked(s.batchPool.get(p.id), limit)
			s.engines[p.topic].sticky.sealed(p.id)
		}
		b := p.sealed[0]
		p.inFlight, p.lastBroker = true, w.id
		b.setSequence(p.producer)
		if e := s.engines[p.topic]; e.intents != nil && !b.intended {
			r.intents = r.intents.with(e.intents, e.intents.intendLocked(p.sealed, e.topicID, &p.lastTimestamp, e.datedLocked(now)))
		}
		r.recordBatches = append(r.recordBatches, b)
		r.request.bytes += b.bytes
		messages += b.count
		if alone {
			r.alone = true
			break
		}
	}
	if r.request.bytes > s.limits.fitting && taken > 1 {
		r.request.maxWritten = s.limits.onWire
	}
	w.ready = slices.Delete(w.ready, 0, taken)
	w.inFlight = append(w.inFlight, r)
	r.messages = messages
	w.counters.requestLocked(messages, r.request.bytes)
	w.lastUsed = now
	s.watchLocked()
	return r
}

// othersBusyLocked reports whether brokers other than w's have requests in flight since
// before now.
func (s *brokerSet) othersBusyLocked(w *brokerWorker, now time.Time) bool {
	for _, other := range s.workers {
		if other != w && len(other.inFlight) > 0 && other.inFlight[0].sentAt.Before(now) {
			return true
		}
	}
	return false
}

// mustGoAloneLocked reports whether the next record batch of p needs a connection
// on which nothing else is in flight: it may be why connections were closed, and
// cannot be split before that is known.
func (w *brokerWorker) mustGoAloneLocked(p *topicPartition) bool {
	if len(p.sealed) == 0 || !p.sealed[0].mayBeWritten {
		return false
	}
	b := p.sealed[0]
	return b.closedAlone > 0 || b.bytes > w.requestSize.bound(b.bytes)
}

// aloneLocked reports whether the request in flight or the next one must be alone
// on the connection. When the broker throttles, each must: Sarama waits in the
// middle of writing a request when the answer to the one before asks for it.
func (w *brokerWorker) aloneLocked(now time.Time) bool {
	return len(w.inFlight) > 0 && (w.inFlight[0].alone || w.mustGoAloneLocked(w.ready[0]) || w.throttledUntil.After(now))
}

// splitUnsentLocked splits the first record batch of p, if that was certainly not
// written and is larger than the limit is by now.
func (w *brokerWorker) splitUnsentLocked(p *topicPartition, limit int) {
	if len(p.sealed) == 0 || p.sealed[0].mayBeWritten || p.sealed[0].count == 1 || p.sealed[0].bytes <= limit {
		return
	}
	before := p.pendingBytesLocked()
	p.sealed = slices.Replace(p.sealed, 0, 1, w.set.batchPool.splitBytes(p.sealed[0], limit)...)
	w.readyBytes += p.pendingBytesLocked() - before
}

// send hands r to the connection. Everything that takes long happens here,
// without the lock.
func (w *brokerWorker) send(r *inFlightRequest) {
	if len(r.intents) > 0 {
		r.request.mayBeSent = r.intents.recorded(w.set.ctx)
	}
	for _, b := range r.recordBatches {
		b.buildRecords(w.set.limits)
		r.request.partitions = append(r.request.partitions, partitionRecords{w.set.engines[b.topic].topic, b.partition, &b.encoded})
	}
	err := w.produce(r)
	if err == nil {
		w.wireRatio.observe(r.request.bytes, r.request.written, w.set.limits)
		return
	}
	if r.request.mayBeSent != nil {
		// It may have failed before the intents were recorded. The next attempt
		// relies on them.
		if notRecorded := r.request.mayBeSent(); notRecorded != nil {
			w.notIntended(r, notRecorded)
			return
		}
	}
	if large, ok := errors.AsType[*aboveMaxWrittenError](err); ok {
		w.wireRatio.observe(r.request.bytes, large.bytes, w.set.limits)
		w.aboveMaxWritten(r)
		return
	}
	w.handleAnswer(r, nil, err)
}

// aboveMaxWritten puts back the record batches of r, of which nothing was sent: they
// compress worse than those before them. They come first in the next request, which is
// smaller, so that those that compress well do not overtake them for ever.
func (w *brokerWorker) aboveMaxWritten(r *inFlightRequest) {
	s := w.set
	now := time.Now()
	var done settlements
	var again []*topicPartition
	s.mu.Lock()
	r.ended = true
	for _, b := range r.recordBatches {
		e, p := s.partitionOf(b)
		p.inFlight = false
		e.intents.notWrittenLocked(b)
		e.putBackLocked(p, b, &done, now)
		if p.schedule == scheduledNow && p.leader == w {
			again = append(again, p)
		}
	}
	w.ready = append(again, w.ready[:len(w.ready)-len(again)]...) // where scheduleLocked has put them, in this order
	w.removeInFlightLocked(r, now)
	w.counters.notSentLocked(r.messages, r.request.bytes)
	s.mu.Unlock()
	s.settle(&done)
}

// notIntended puts back the record batches of r. Nothing of them was sent. The journal
// may have their intents or not.
func (w *brokerWorker) notIntended(r *inFlightRequest, cause error) {
	s := w.set
	now := time.Now()
	var done settlements
	s.mu.Lock()
	r.ended = true
	w.broken = w.broken || w.conn == r.conn // Sarama takes it for a connection that fails
	for _, b := range r.recordBatches {
		e, p := s.partitionOf(b)
		p.inFlight = false
		p.failedLocked(cause, now)
		switch {
		case !r.intents.have(e.intents, b):
		case s.ctx.Err() != nil: // Close: the journal may get it yet, and nothing more is sent
			b.intended = false
		default:
			e.intents.failedLocked(b)
		}
		e.putBackLocked(p, b, &done, now)
	}
	w.removeInFlightLocked(r, now)
	w.counters.notSentLocked(r.messages, r.request.bytes)
	s.mu.Unlock()
	r.conn.abort()
	s.settle(&done)
	w.wakeUp()
}

// putBackLocked has p send again b, its first record batch, of which this attempt has
// sent nothing.
func (e *Engine) putBackLocked(p *topicPartition, b *recordBatch, done *settlements, now time.Time) {
	if !b.mayBeWritten && len(p.sealed) == 1 {
		e.requeueLocked(p)
	}
	e.attemptEndedLocked(p, done, now)
}

// produce hands r to its connection.
//
// When the answer to the request before throttles, Sarama waits in the middle of
// writing r, and nothing interrupts it. So r is given up at Close, or when it takes
// too long: Sarama will find the socket closed. Until then it holds the connection,
// which cannot be closed in order.
func (w *brokerWorker) produce(r *inFlightRequest) error {
	produce := func() error {
		err := r.conn.produce(&r.request, func(answer *sarama.ProduceResponse, err error) { w.handleAnswer(r, answer, err) })
		w.counters.written.Add(int64(r.request.written))
		return err
	}
	if !r.pipelined {
		return produce()
	}
	ctx, cancel := context.WithTimeout(w.set.ctx, maxProduceTime)
	defer cancel()
	ended, err := ctxwait.Do(ctx, produceGrace, func() (bool, error) { return true, produce() }, nil)
	if ended {
		return err
	}
	r.conn.abort()
	w.set.mu.Lock()
	defer w.set.mu.Unlock()
	w.abandoned = w.conn == r.conn
	return errWriteThrottled
}
