package deliver

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

const (
	// renewAfter messages of one partition, a new session begins: AsyncProducer
	// lets sequence numbers turn negative after 2^31, which brokers refuse.
	renewAfter = 1 << 30

	// renewAfterFailures too: each failure may use up one of the producer's
	// 2^15 epochs, and AsyncProducer gets new ones on a goroutine that others
	// wait for.
	renewAfterFailures = 1 << 14

	// The pause between two attempts to begin a session.
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
)

// A session is one AsyncProducer. A partition moves to a new one when all that
// it gave to the old one has ended.
type session struct {
	producer sarama.AsyncProducer
	answers  sync.WaitGroup
	lanes    int // that use it
	failures int
}

// joinLocked makes the current session that of l.
func (a *Async) joinLocked(l *lane) {
	a.leaveLocked(l)
	l.session, l.numbered = a.session, 0
	l.session.lanes++
}

// leaveLocked takes l off a session that is no longer the current one, once
// nothing of l is left in it.
func (a *Async) leaveLocked(l *lane) {
	if l.session != nil && l.session != a.session && l.flying == 0 {
		l.session.lanes--
		l.session = nil
	}
}

// renewIfDue begins a new session when there is none or the current one is used
// up, and ends old ones that are of no use any more. Only the feeder calls it.
func (a *Async) renewIfDue() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.renewing && a.usedUpLocked() {
		a.renewing = true
		a.running.Go(a.renew)
	}
	for i := 0; i < len(a.sessions); i++ {
		if s := a.sessions[i]; s != a.session && s.lanes == 0 {
			a.sessions = append(a.sessions[:i:i], a.sessions[i+1:]...)
			a.running.Go(s.end)
			i--
		}
	}
}

func (a *Async) usedUpLocked() bool {
	return a.session == nil || a.numbered || a.session.failures >= a.limits.failures
}

// renew begins a session and makes it the current one.
func (a *Async) renew() {
	s := a.begin()
	if s == nil {
		return
	}
	a.mu.Lock()
	a.session, a.renewing, a.numbered, a.trouble = s, false, false, nil
	a.sessions = append(a.sessions, s)
	for _, l := range a.lanes {
		a.leaveLocked(l)
		if l.queue.Len() > 0 {
			a.listLocked(l)
		}
	}
	a.mu.Unlock()
	a.wakeUp()
}

// begin tries until it has a producer; nil at abort. A producer asks the
// cluster for an id, so it is of no use to try before any broker has answered.
func (a *Async) begin() *session {
	for pause := firstPause; a.cluster.await(); pause = min(2*pause, longestPause) {
		p, err := a.start(a.cluster)
		if err == nil {
			return a.listen(p)
		}
		a.mu.Lock()
		a.trouble = fmt.Errorf("getting a producer id: %w", err)
		a.mu.Unlock()
		_ = a.cluster.RefreshMetadata() // drops brokers that are gone; never fails
		sleep(pause, a.abort)
	}
	return nil
}

func (a *Async) listen(p sarama.AsyncProducer) *session {
	s := &session{producer: p}
	s.answers.Go(func() {
		for m := range p.Successes() {
			a.settle(s, m, Result{Outcome: Acknowledged, Partition: m.Partition, Offset: m.Offset})
		}
	})
	s.answers.Go(func() {
		for e := range p.Errors() {
			a.settle(s, e.Msg, a.failed(e))
		}
	})
	return s
}

// failed reports every error as unknown: AsyncProducer does not tell attempts
// apart, so an earlier one may have been written. The exceptions are what it
// checks before it tries at all: the size of a message, each time with the same
// result, and the number of the partition, the first time only.
func (a *Async) failed(e *sarama.ProducerError) Result {
	r := Result{Outcome: Unknown, Partition: e.Msg.Partition, Offset: -1, Err: e.Err}
	if _, ok := errors.AsType[sarama.ConfigurationError](e.Err); ok || errors.Is(e.Err, sarama.ErrInvalidPartition) {
		r.Outcome = NotSent
	}
	if isClosed(a.abort) {
		r.Err = fmt.Errorf("%w: %w", ErrClosed, e.Err)
	}
	return r
}

// end waits for the end of all that the session has.
func (s *session) end() {
	s.producer.AsyncClose()
	s.answers.Wait()
}

func (a *Async) endAll() {
	a.mu.Lock()
	sessions := a.sessions
	a.sessions = nil
	a.mu.Unlock()
	for _, s := range sessions {
		s.producer.AsyncClose()
	}
	for _, s := range sessions {
		s.answers.Wait()
	}
}
