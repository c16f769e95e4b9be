package engine

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/deliver"
)

// answered settles what a broker has answered, or makes ready for another
// attempt. It runs on a goroutine of the connection.
func (l *leader) answered(f *flight, answer *sarama.ProduceResponse, err error) {
	e := l.engine
	now := time.Now()
	var done settlements
	e.mu.Lock()
	if err != nil {
		l.lostLocked(f, err, now)
	} else {
		l.heardLocked(f, answer, now)
		for _, b := range f.bundles {
			q := b.queue // b may be gone afterwards
			q.flying = false
			l.judgeLocked(b, answer.GetBlock(e.topic, q.partition), &done, now)
			e.listLocked(q, now)
		}
	}
	l.landedLocked(f)
	e.mu.Unlock()
	if err != nil {
		f.conn.abort() // whoever is still writing to it need not go on
	}
	done.settle(e)
	l.kick() // after those who wait: what they send next may go along
}

// lostLocked gives up a connection: of what was under way on it nothing is
// known.
func (l *leader) lostLocked(f *flight, err error, now time.Time) {
	e := l.engine
	if l.conn == f.conn && !l.broken {
		l.broken = true
		l.failedLocked(err, now)
	}
	for _, b := range f.bundles {
		b.maybe = true
		b.queue.flying = false
		e.listLocked(b.queue, now)
	}
	e.directory.wantLocked()
}

// heardLocked is what an answer says of the broker.
func (l *leader) heardLocked(f *flight, answer *sarama.ProduceResponse, now time.Time) {
	l.failures, l.cause = 0, nil
	l.pace.took(now.Sub(f.sent))
	if d := answer.ThrottleTime; d > 0 {
		l.cause = fmt.Errorf("%s throttles us, which has a quota: %w", l, sarama.ErrThrottlingQuotaExceeded)
		if until := now.Add(d); until.After(l.after) {
			l.after = until
		}
	}
}

var errNoBlock = errors.New("the broker's answer leaves the partition out")

// judgeLocked decides what becomes of a bundle that was answered.
func (l *leader) judgeLocked(b *bundle, block *sarama.ProduceResponseBlock, done *settlements, now time.Time) {
	e, q := l.engine, b.queue
	if block == nil {
		b.maybe = true
		q.failedLocked(errNoBlock, now)
		return
	}
	verdict := judge(block.Err)
	if verdict == written && block.Err != sarama.ErrNoError && !b.maybe {
		verdict = outOfStep // there was no earlier attempt that it could have
	}
	switch verdict {
	case written:
		e.writtenLocked(b, block, done, now)
	case refused, refusedWhole:
		e.refusedLocked(b, block, verdict, done, now)
	case outOfStep:
		e.outOfStepLocked(b, block.Err, done, now)
	case notYet:
		q.failedLocked(block.Err, now)
		if !b.maybe && len(q.held) == 1 {
			e.dissolveLocked(q)
		}
	case elsewhere:
		b.maybe = true
		q.failedLocked(block.Err, now)
		if q.leader == l { // not moved meanwhile
			e.moveLocked(q, e.hintedLocked(block), now)
		}
		e.directory.wantLocked()
	case again:
		b.maybe = true
		q.failedLocked(block.Err, now)
	}
}

// hintedLocked is the leader that a broker names which is none itself (KIP-951);
// nil if it does not, and the directory has to tell.
func (e *Engine) hintedLocked(block *sarama.ProduceResponseBlock) *leader {
	hint := block.CurrentLeader
	if hint == nil || hint.LeaderID < 0 || e.brokers[hint.LeaderID] == "" {
		return nil
	}
	return e.leaderLocked(hint.LeaderID)
}

func (q *queue) progressLocked(now time.Time) {
	q.since, q.failures, q.cause = now, 0, nil
}

func (e *Engine) writtenLocked(b *bundle, block *sarama.ProduceResponseBlock, done *settlements, now time.Time) {
	q := b.queue
	q.held = slices.Delete(q.held, 0, 1)
	q.producer.advance(b.count)
	q.progressLocked(now)
	r := deliver.Result{Outcome: deliver.Acknowledged, Partition: q.partition, Offset: block.Offset}
	if block.Err != sarama.ErrNoError { // it was there already, and the broker does not say where
		r.Offset = -1
	} else {
		for _, rest := range q.held { // written in parts, so never as a whole
			rest.maybe = false
		}
	}
	done.add(b, r)
}

// refusedLocked fails the messages that the broker does not want. The others go
// again without them.
func (e *Engine) refusedLocked(b *bundle, block *sarama.ProduceResponseBlock, v verdict, done *settlements, now time.Time) {
	q := b.queue
	q.progressLocked(now) // it is one
	final := b.count == 1 || v == refusedWhole
	if final && b.maybe {
		e.giveUpLocked(q, explained(block), done)
		return
	}
	q.held = slices.Delete(q.held, 0, 1)
	if final {
		done.add(b, b.lost(explained(block)))
		return
	}
	culprits := named(block, b.count)
	if len(culprits) == 0 || b.maybe {
		if block.Err == sarama.ErrMessageSizeTooLarge || block.Err == sarama.ErrMessageSetSizeTooLarge {
			q.limit, q.limited = b.bytes/2, now // so that it need not be learned again and again
		}
		half := b.count / 2
		q.held = slices.Insert(q.held, 0, e.splitLocked(b, func(i int) bool { return i == half })...)
		return
	}
	var kept []*bundle
	i := 0
	for _, p := range e.splitLocked(b, func(i int) bool { return culprits[i] || culprits[i-1] }) {
		if culprits[i] {
			done.add(p, p.lost(explained(block)))
		} else {
			kept = append(kept, p)
		}
		i += p.count
	}
	q.held = slices.Insert(q.held, 0, kept...)
}

// named are the messages that a broker says are to blame (KIP-467). Old ones do
// not say, nor does any of what is too large as a whole.
func named(block *sarama.ProduceResponseBlock, count int) map[int]bool {
	culprits := map[int]bool{}
	for _, r := range block.RecordErrors {
		if i := int(r.BatchIndex); i >= 0 && i < count {
			culprits[i] = true
		}
	}
	return culprits
}

// explained is the broker's error, with what it says beside the code.
func explained(block *sarama.ProduceResponseBlock) error {
	text := block.ErrorMessage
	for _, r := range block.RecordErrors {
		if r.BatchIndexErrorMessage != nil {
			text = r.BatchIndexErrorMessage
		}
	}
	if text == nil || *text == "" {
		return block.Err
	}
	return fmt.Errorf("%w (%.200q)", block.Err, *text)
}

// outOfStepLocked begins a new epoch, in which the broker takes anything from
// the first number on.
//
// If an earlier attempt may have been written, it may be the reason why this
// one is out of step. Sending the messages with other numbers could then write
// them twice.
func (e *Engine) outOfStepLocked(b *bundle, code sarama.KError, done *settlements, now time.Time) {
	q := b.queue
	q.failedLocked(code, now)
	if b.maybe {
		e.giveUpLocked(q, code, done)
		return
	}
	q.producer.restart()
}

// giveUpLocked settles what was sent together and may have been written, and
// begins a new epoch: the broker would take what comes next with the same
// numbers for the same messages, and acknowledge it unread.
func (e *Engine) giveUpLocked(q *queue, cause error, done *settlements) {
	q.held = slices.DeleteFunc(q.held, func(b *bundle) bool {
		if b.maybe {
			done.add(b, b.lost(cause))
		}
		return b.maybe
	})
	q.producer.restart()
	q.emptiedLocked()
}
