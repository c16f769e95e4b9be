package engine

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// handleAnswer settles what a broker has answered, or prepares another attempt.
// It runs on a goroutine of the connection.
func (w *brokerWorker) handleAnswer(r *inFlightRequest, answer *sarama.ProduceResponse, err error) {
	s := w.set
	now := time.Now()
	var done settlements
	s.mu.Lock()
	if r.ended || s.settledRest { // given up while Sarama still held it
		s.mu.Unlock()
		return
	}
	r.ended = true
	if err != nil {
		w.connectionLostLocked(r, err, &done, now)
	} else {
		w.observeAnswerLocked(r, answer, now)
		for _, b := range r.recordBatches {
			e, p := s.partitionOf(b) // b may be reused afterwards
			p.inFlight = false
			w.applyVerdictLocked(p, b, answer.GetBlock(e.topic, p.id), &done, now)
			e.attemptEndedLocked(p, &done, now)
		}
	}
	w.removeInFlightLocked(r, now)
	s.mu.Unlock()
	if err != nil {
		r.conn.abort() // a goroutine that still writes to it need not go on
	}
	s.settle(&done)
	w.wakeUp() // after the callers that wait: their next messages may go along
}

// removeInFlightLocked ends r.
func (w *brokerWorker) removeInFlightLocked(r *inFlightRequest, now time.Time) {
	w.inFlight = w.inFlight.without(r)
	w.lastUsed = now
	w.lingering = false
}

// connectionLostLocked gives up a connection: everything in flight on it may have
// been written.
func (w *brokerWorker) connectionLostLocked(r *inFlightRequest, err error, done *settlements, now time.Time) {
	first := w.conn == r.conn && !w.broken // of several requests in flight
	if first {
		w.broken = true
		w.failedLocked(w.lossCauseLocked(r, err), now)
	}
	w.counters.retries += int64(len(r.recordBatches))
	partitions := make([]*topicPartition, len(r.recordBatches))
	for i, b := range r.recordBatches {
		b.mayBeWritten = true
		_, partitions[i] = w.set.partitionOf(b) // b may be given up
		partitions[i].inFlight = false
	}
	if first {
		w.blameRequestLocked(r, err, done, now)
	}
	for _, p := range partitions {
		w.set.engines[p.topic].attemptEndedLocked(p, done, now)
	}
	w.set.requestMetadataLocked()
}

// attemptEndedLocked schedules p, of which nothing is in flight any more.
func (e *Engine) attemptEndedLocked(p *topicPartition, done *settlements, now time.Time) {
	if p.topicReplaced { // meanwhile
		e.leaveNumbersOfLocked(p, done)
	}
	e.scheduleLocked(p, now)
}

// observeAnswerLocked records what an answer says of the broker.
func (w *brokerWorker) observeAnswerLocked(r *inFlightRequest, answer *sarama.ProduceResponse, now time.Time) {
	w.failures, w.cause = 0, nil
	w.pacing.observeRTT(now.Sub(r.sentAt))
	w.requestSize.answered(r.request.bytes, w.set.limits.request, now)
	if w.conn == r.conn {
		w.answers++
	}
	w.throttledLocked(r.conn, answer.ThrottleTime, now)
}

// throttledLocked heeds a broker that says that nothing is to be sent for d.
// Sarama does so on the connection c, where it waits in the middle of writing.
func (w *brokerWorker) throttledLocked(c brokerConn, d time.Duration, now time.Time) {
	if d <= 0 {
		return
	}
	if d > maxThrottle {
		d = maxThrottle
		w.retired = w.retired || w.conn == c
	}
	w.counters.throttled += d
	w.cause = fmt.Errorf("%s throttles us, which has a quota: %w", w, sarama.ErrThrottlingQuotaExceeded)
	if until := now.Add(d); until.After(w.notBefore) {
		w.notBefore = until
	}
	w.throttledUntil = now.Add(d + throttleMemory)
}

var errPartitionNotAnswered = errors.New("the broker's answer leaves the partition out")

// applyVerdictLocked decides what becomes of a record batch that was answered.
func (w *brokerWorker) applyVerdictLocked(p *topicPartition, b *recordBatch, block *sarama.ProduceResponseBlock, done *settlements, now time.Time) {
	e := w.set.engines[p.topic]
	if block == nil {
		w.counters.retries++
		b.mayBeWritten = true
		p.failedLocked(errPartitionNotAnswered, now)
		return
	}
	cause := causeFor(block.Err, e.limits.codec)
	verdict := verdictFor(block.Err)
	if verdict == written && block.Err != sarama.ErrNoError && !b.mayBeWritten {
		verdict = sequenceLost // a duplicate, but of no earlier attempt
	}
	if verdict != written && verdict != rejected && verdict != batchRejected {
		w.counters.retries++
	}
	switch verdict {
	case written:
		e.writtenLocked(p, b, block, done, now)
	case rejected, batchRejected:
		e.rejectedLocked(p, b, block, verdict, done, now)
	case sequenceLost:
		e.sequenceLostLocked(p, b, block.Err, done, now)
	case retryNotWritten:
		p.failedLocked(cause, now)
		e.intents.notWrittenLocked(b)
		if !b.mayBeWritten && len(p.sealed) == 1 {
			e.requeueLocked(p)
		}
	case retryOtherLeader:
		b.mayBeWritten = true
		p.failedLocked(block.Err, now)
		if p.leader == w { // not moved meanwhile
			e.moveLocked(p, e.hintedWorkerLocked(p, block), now)
		}
		e.metadata.requestLocked()
	case retryUnknown:
		b.mayBeWritten = true
		p.failedLocked(cause, now)
	}
	if mayHaveMoved(block.Err, p.failures) {
		e.metadata.requestLocked()
	}
}

// requeueLocked makes the messages of p's only record batch wait again.
func (e *Engine) requeueLocked(p *topicPartition) {
	if b := p.requeueLocked(); b != nil {
		e.batchPool.put(b)
	}
}

// hintedWorkerLocked returns the worker of the leader that is named by a broker
// that is not (KIP-951); nil if none is named, one that the metadata lacks, or an
// older one. The hint's epoch is not kept: metadata follows, and one wrong epoch
// would make all that is true seem older.
func (e *Engine) hintedWorkerLocked(p *topicPartition, block *sarama.ProduceResponseBlock) *brokerWorker {
	hint := block.CurrentLeader
	if hint == nil || hint.LeaderID < 0 || e.brokers[hint.LeaderID] == "" || hint.LeaderEpoch < p.leaderEpoch {
		return nil
	}
	return e.workerLocked(hint.LeaderID)
}

// writtenLocked acknowledges b.
func (e *Engine) writtenLocked(p *topicPartition, b *recordBatch, block *sarama.ProduceResponseBlock, done *settlements, now time.Time) {
	p.sealed = slices.Delete(p.sealed, 0, 1)
	p.producer.advance(b.count)
	p.progressLocked(now)
	r := producer.Result{Outcome: producer.Acknowledged, Partition: p.id, Offset: block.Offset}
	if block.Err != sarama.ErrNoError { // an earlier attempt, whose offset is not told
		r.Offset = -1
	} else {
		for _, rest := range p.sealed { // a part was written, so the whole never was
			rest.mayBeWritten = false
		}
	}
	e.intents.writtenLocked(b, r.Offset)
	done.add(b, r)
	p.producer.leaveFormer(p.sealed)
}

// sequenceLostLocked begins a new epoch, in which the broker accepts the first
// sequence number.
//
// If an earlier attempt may have been written, it may be why this one is out of
// sequence. New numbers could then write the messages twice. So the leader is asked
// for what is in its log; until it answers, the record batch counts as in flight.
func (e *Engine) sequenceLostLocked(p *topicPartition, b *recordBatch, code sarama.KError, done *settlements, now time.Time) {
	p.failedLocked(code, now)
	switch {
	case !b.mayBeWritten:
		e.intents.notWrittenLocked(b)
		p.producer.restart(code)
	case e.closed: // Close settles it, and with a journal another process may ask
	case p.topicReplaced || !e.askLogLocked(p, code):
		e.abandonUncertainLocked(p, nil, code, done)
	}
}

// askLogLocked asks the leader of p whether its log has the record batches that may have
// been written. The leader has answered the first of them with code. It reports false
// if that cannot be asked.
func (e *Engine) askLogLocked(p *topicPartition, code sarama.KError) bool {
	q := logQuestion{
		query:    p.producer.logQuery(e.topic, p.sealed),
		patience: maxLogQueryTime + time.Duration(p.rand.Int64N(int64(time.Second))), // not all of a broker's partitions at once
		leader:   func(failures int) (string, time.Duration) { return e.leaderToAsk(p, failures) },
	}
	q.answered = func(a logAnswer, err error) { e.logAnswered(p, &q.query, &a, err, code) }
	p.askedForLog = e.logAsker.beginLocked(q)
	p.inFlight = p.askedForLog
	return p.askedForLog
}

// leaderToAsk returns the address of p's leader and how long to wait after so many
// failures.
func (e *Engine) leaderToAsk(p *topicPartition, failures int) (addr string, pause time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if failures > 0 {
		e.metadata.requestLocked()
	}
	if w := p.leader; w != nil {
		addr = e.brokers[w.id]
	}
	return addr, backoffAfter(failures, p.rand)
}

// logAnswered settles what was asked about with q. At Close it leaves that: with a
// journal, another process sends it again and may ask again.
func (e *Engine) logAnswered(p *topicPartition, q *logQuery, a *logAnswer, err error, code sarama.KError) {
	now := time.Now()
	var done settlements
	e.mu.Lock()
	e.logAsker.endedLocked()
	p.inFlight, p.askedForLog = false, false
	if n := q.written(a); err == nil && n > 0 {
		e.foundLocked(p, n, a.offset, code, &done, now)
	} else if !e.closed {
		e.abandonUncertainLocked(p, nil, code, &done)
	}
	e.attemptEndedLocked(p, &done, now)
	e.mu.Unlock()
	e.settle(&done)
}

// foundLocked acknowledges the first n messages of p that may have been written: they
// are in the log from offset on. What else may have been written was not.
func (e *Engine) foundLocked(p *topicPartition, n int, offset int64, code sarama.KError, done *settlements, now time.Time) {
	var found []*recordBatch
	p.producer.advance(n)
	p.progressLocked(now)
	for at := offset; n > 0; p.sealed = slices.Delete(p.sealed, 0, 1) {
		if p.sealed[0].count > n { // a former process had cut it up otherwise
			parts := e.batchPool.split(p.sealed[0], func(i int) bool { return i == n })
			p.sealed = slices.Replace(p.sealed, 0, 1, parts...)
		}
		b := p.sealed[0]
		found = append(found, b)
		done.add(b, producer.Result{Outcome: producer.Acknowledged, Partition: p.id, Offset: at})
		n, at = n-b.count, at+int64(b.count)
	}
	for _, rest := range p.sealed {
		rest.mayBeWritten = false
	}
	e.intents.foundLocked(found, offset)
	p.producer.restart(code)
	p.resetIfEmptyLocked()
}

// abandonUncertainLocked gives up to find out whether the record batches were
// written that may have been: under the old numbers the broker would take other
// messages for these, and acknowledge them without writing. So a new epoch begins.
// The messages are settled as unknown. With a journal they go out again, unless it
// is configured to refuse them. refused are messages that were settled already.
func (e *Engine) abandonUncertainLocked(p *topicPartition, refused []producer.Refused, cause error, done *settlements) {
	if k := e.intents; k != nil && k.doubtLocked(p.id, p.sealed, refused, cause) {
		p.producer.restart(cause)
		return
	}
	p.sealed = slices.DeleteFunc(p.sealed, func(b *recordBatch) bool {
		if b.mayBeWritten {
			done.add(b, b.notAcknowledged(cause))
		}
		return b.mayBeWritten
	})
	p.producer.restart(cause)
	p.resetIfEmptyLocked()
}
