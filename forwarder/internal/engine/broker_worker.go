package engine

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"
)

// A brokerWorker sends produce requests to one broker. It owns the connection
// and has a goroutine.
type brokerWorker struct {
	set       *brokerSet
	id        int32 // the broker's
	counters  *brokerCounters
	rand      *rand.Rand
	woken     chan struct{}
	timer     *time.Timer
	wireRatio wireRatio // of its goroutine alone

	// Everything below is guarded by the lock of the brokers.

	leading    int               // partitions
	ready      []*topicPartition // that have something to send, the longest waiting first
	delayed    []*topicPartition // that will have
	readyBytes int               // that the partitions in ready would send
	inFlight   requestsInFlight
	lingering  bool // sleeps until more has gathered
	backingOff bool // sleeps until notBefore

	conn            brokerConn // nil: to be opened
	addr            string
	broken          bool // conn cannot be used any more
	retired         bool // conn is to be closed when nothing is in flight
	abandoned       bool // Sarama holds conn in a request that was given up
	answers         int  // to produce requests on conn
	requestSize     requestSize
	lastUsed        time.Time
	connectingSince time.Time // zero: no connection is being opened
	connectedAt     time.Time // when conn was opened

	renewal renewal // of conn

	throttledUntil time.Time // requests go one at a time until then
	checkedAt      time.Time // when conn was last found open

	failures  int // consecutive
	notBefore time.Time
	cause     error
	pacing    pacing
}

// maxIdleTime is the time without a request after which a connection is closed:
// before the broker does that (connections.max.idle.ms, 10 minutes), and before
// most load balancers forget it.
const maxIdleTime = 3 * time.Minute

// workerLocked returns the worker of a broker, and starts it if necessary.
func (s *brokerSet) workerLocked(id int32) *brokerWorker {
	w := s.workers[id]
	if w == nil {
		s.counters[id] = cmp.Or(s.counters[id], &brokerCounters{}) // of a worker before this one
		w = &brokerWorker{
			set:      s,
			id:       id,
			counters: s.counters[id],
			rand:     s.random.stream(randBroker + uint64(uint32(id))), //nolint:gosec // any 32 bits will do
			woken:    make(chan struct{}, 1),
			pacing:   pacing{minBytes: s.limits.minPipelined},

			renewal: renewal{maxAge: s.maxConnectionAge},
		}
		s.workers[id] = w
		s.running.Go(w.run)
	}
	return w
}

// String returns the broker's id and address.
func (w *brokerWorker) String() string {
	return fmt.Sprintf("broker %d at %s", w.id, w.set.brokers[w.id])
}

// run works until Close, or until the broker leads nothing any more.
func (w *brokerWorker) run() {
	w.timer = time.NewTimer(time.Hour)
	defer w.timer.Stop()
	for {
		switch next := w.nextAction(); next.step {
		case stepStop:
			return
		case stepDisconnect:
			next.conn.abort() // an orderly close can take long, and says nothing
			if !next.abandoned {
				next.conn.close()
			}
		case stepConnect:
			w.connect(next.addr, next.small)
		case stepCheck:
			w.check(next.conn)
		case stepSend:
			w.send(next.request)
		case stepSleep:
			w.sleep(next.wait)
		}
	}
}

// A workerAction is what a worker does next.
type workerAction struct {
	step    workerStep
	conn    brokerConn
	addr    string
	small   int // requests that conn must answer first
	request *inFlightRequest
	wait    time.Duration // 0: until woken

	abandoned bool // conn cannot be closed in order
}

type workerStep int8

const (
	stepSleep workerStep = iota
	stepConnect
	stepCheck
	stepSend
	stepDisconnect
	stepStop
)

func (w *brokerWorker) nextAction() workerAction {
	s := w.set
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	w.lingering, w.backingOff = false, false
	switch {
	case w.conn != nil && w.connDoneLocked(now):
		action := workerAction{step: stepDisconnect, conn: w.conn, abandoned: w.abandoned}
		w.conn, w.broken, w.retired, w.abandoned = nil, false, false, false
		return action
	case w.renewal.opened != nil && w.conn == nil:
		return workerAction{step: stepDisconnect, conn: w.renewal.takeLocked()} // only its successor tells why conn was lost
	case w.renewal.opened != nil && len(w.inFlight) == 0:
		return workerAction{step: stepDisconnect, conn: w.takeNewerLocked()}
	case s.closed:
		return workerAction{step: stepStop}
	case w.leading == 0 && w.conn == nil:
		delete(s.workers, w.id)
		return workerAction{step: stepStop}
	}
	w.scheduleDelayedLocked(now)
	wait := w.untilNextEventLocked(now)
	switch {
	case len(w.ready) == 0:
	case w.notBefore.After(now):
		w.backingOff = true
		wait = earlier(wait, w.notBefore.Sub(now))
	case w.conn == nil:
		w.addr, w.connectingSince = s.brokers[w.id], now
		s.watchLocked()
		return workerAction{step: stepConnect, addr: w.addr, small: w.smallRequestsLocked()}
	case w.mayBeClosedLocked(now):
		return workerAction{step: stepCheck, conn: w.conn}
	case w.renewal.opened != nil: // it takes over as soon as what is in flight is answered
	default:
		if w.renewal.beginLocked(now) {
			w.renewLocked()
		}
		d := untilAnswer
		if !w.aloneLocked(now) {
			d = w.pacing.lingerTime(w.inFlight, w.readyBytes, now)
		}
		if d == 0 {
			return workerAction{step: stepSend, request: w.buildRequestLocked(now)}
		}
		w.lingering = true
		if d != untilAnswer {
			wait = earlier(wait, d)
		}
	}
	return workerAction{step: stepSleep, wait: wait}
}

// connDoneLocked reports whether the connection is to be closed.
func (w *brokerWorker) connDoneLocked(now time.Time) bool {
	if w.broken || w.set.closed {
		return true
	}
	idle := len(w.ready) == 0 && now.Sub(w.lastUsed) >= maxIdleTime
	return len(w.inFlight) == 0 && (idle || w.retired || w.addr != w.set.brokers[w.id])
}

// scheduleDelayedLocked makes the partitions ready that have waited long enough.
func (w *brokerWorker) scheduleDelayedLocked(now time.Time) {
	for _, p := range slices.Clone(w.delayed) {
		w.set.engines[p.topic].scheduleLocked(p, now)
	}
}

// untilNextEventLocked returns how long there is nothing to do unless the worker
// is woken; 0: for ever.
func (w *brokerWorker) untilNextEventLocked(now time.Time) time.Duration {
	var wait time.Duration
	for _, p := range w.delayed {
		wait = earlier(wait, p.sendAtLocked(w.set.limits).Sub(now))
	}
	if len(w.inFlight) == 0 && w.conn != nil {
		wait = earlier(wait, maxIdleTime-now.Sub(w.lastUsed))
	}
	return wait
}

// earlier returns the shorter of two waits, of which the first may be 0 for ever.
func earlier(a, b time.Duration) time.Duration {
	b = max(b, 1)
	if a == 0 {
		return b
	}
	return min(a, b)
}

// sleep waits to be woken.
func (w *brokerWorker) sleep(wait time.Duration) {
	var timeout <-chan time.Time
	if wait > 0 {
		w.timer.Reset(wait)
		timeout = w.timer.C
	}
	select {
	case <-w.woken:
		// Other goroutines that can run may submit more. When it is this one's
		// turn again, there is nothing better to do than to send.
		runtime.Gosched()
	case <-timeout:
	case <-w.set.ctx.Done():
	}
}

// wakeForMoreLocked tells w that there is more to send, unless it would sleep all
// the same.
func (w *brokerWorker) wakeForMoreLocked() {
	if w.backingOff || w.lingering && !w.pacing.worthSending(len(w.inFlight), w.readyBytes) {
		return
	}
	w.wakeUp()
}

// wakeUp makes w decide again.
func (w *brokerWorker) wakeUp() {
	select {
	case w.woken <- struct{}{}:
	default: // it has been woken already
	}
}

// connect opens the connection. When the last one was lost with a request in
// flight, the broker must first answer small requests that write nothing: only
// then it says something about the next request if that one is not answered either.
func (w *brokerWorker) connect(addr string, small int) {
	s := w.set
	c, err := w.open(addr, small)
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	w.connectingSince = time.Time{}
	if err != nil {
		w.failedLocked(err, now)
		s.requestMetadataLocked()
		return
	}
	w.conn, w.broken, w.answers, w.lastUsed, w.connectedAt = c, false, small, now, now
	w.counters.connections++
	w.renewal.due = renewAt(now, w.renewal.maxAge, w.rand)
	if small > 0 {
		w.throttledLocked(c, c.throttledFor(), now)
	}
}

// open opens a connection on which the broker has answered so many small requests.
func (w *brokerWorker) open(addr string, small int) (brokerConn, error) {
	c, err := w.set.network.connect(w.set.ctx, addr)
	if err == nil && small > 0 {
		err = w.verify(c, small)
	}
	return c, err
}

// renewLocked begins to open a connection that is to replace the one there is. It is
// called when there is something to send: nothing is gained by renewing a connection
// that is not used.
func (w *brokerWorker) renewLocked() {
	old, addr, small := w.conn, w.addr, w.smallRequestsLocked()
	w.set.running.Go(func() { w.renew(old, addr, small) })
}

// renew opens a connection that is to replace old.
func (w *brokerWorker) renew(old brokerConn, addr string, small int) {
	s := w.set
	c, err := w.open(addr, small)
	now := time.Now()
	s.mu.Lock()
	r := &w.renewal
	r.opening = false
	wanted := w.conn == old && !w.broken && !s.closed // else old was lost, and has a successor or will have one
	usable := wanted && err == nil && !(small > 0 && c.throttledFor() > 0)
	switch {
	case usable:
		r.opened, r.when, r.answers = c, now, small
	case wanted:
		r.laterLocked(now)
	}
	s.mu.Unlock()
	switch {
	case usable:
		w.wakeUp()
	case err == nil:
		c.abort()
		c.close()
	case wanted:
		s.renewalRefused(addr, err)
	}
}

// takeNewerLocked makes the newer connection the one that is used, and returns the
// old one. Nothing is in flight.
func (w *brokerWorker) takeNewerLocked() (old brokerConn) {
	opened := w.renewal.when
	old, w.conn, w.answers = w.conn, w.renewal.takeLocked(), w.renewal.answers
	w.lastUsed, w.checkedAt, w.connectedAt = opened, opened, opened
	w.counters.connections++
	w.renewal.due = renewAt(opened, w.renewal.maxAge, w.rand)
	return old
}

// maxUncheckedIdle is the time without a request after which a connection is
// checked: writing to one that the broker has closed leaves open whether the
// request was written.
const maxUncheckedIdle = 100 * time.Millisecond

func (w *brokerWorker) mayBeClosedLocked(now time.Time) bool {
	return len(w.inFlight) == 0 && now.Sub(w.lastUsed) >= maxUncheckedIdle && now.Sub(w.checkedAt) >= maxUncheckedIdle
}

// check finds out whether the broker has closed the idle connection c.
func (w *brokerWorker) check(c brokerConn) {
	closed := c.closedByBroker()
	w.set.mu.Lock()
	defer w.set.mu.Unlock()
	w.broken, w.checkedAt = w.broken || closed, time.Now()
}

// verify closes c unless the broker answers so many small requests on it.
func (w *brokerWorker) verify(c brokerConn, small int) error {
	s := w.set
	stop := context.AfterFunc(s.ctx, c.abort)
	var err error
	for range small {
		if err = c.verify(); err != nil || c.throttledFor() > 0 { // the rest would wait, and Sarama with it
			break
		}
	}
	if stop() && err == nil {
		return nil
	}
	c.abort()
	c.close()
	if err == nil || lossFrom(err) != lossByBroker {
		return cmp.Or(err, context.Cause(s.ctx))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w.acquitLocked()
	return fmt.Errorf("%s closed the connection on a small produce request (compressed with %s): "+
		"set delivery.compression to none or gzip if it does not take that: %w", w, s.limits.codec, err)
}

// failedLocked records why nothing can be sent, and when to try again. Only an
// answer ends a series of failures: a connection may lead to a proxy with no
// broker behind it.
func (w *brokerWorker) failedLocked(err error, now time.Time) {
	w.failures++
	w.cause = err
	if until := now.Add(backoffAfter(w.failures, w.rand)); until.After(w.notBefore) { // it may throttle us, too
		w.notBefore = until
	}
}

// waitingForBrokerLocked returns since when w waits for its broker; zero: it does
// not.
func (w *brokerWorker) waitingForBrokerLocked() time.Time {
	if len(w.inFlight) > 0 {
		return w.inFlight[0].sentAt
	}
	return w.connectingSince
}
