package engine

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/IBM/sarama"
)

// A leader is a broker that messages are sent to, with the connection and the
// goroutine that send them.
type leader struct {
	engine *Engine
	id     int32
	chance *rand.Rand
	wake   chan struct{}
	timer  *time.Timer

	// All below is under the engine's lock.

	led     int      // partitions
	ready   []*queue // that have something to send, the longest waiting first
	later   []*queue // that will have
	pending int      // bytes that those in ready would send
	air     []*flight
	armed   bool // it is decided until when more is gathered
	deaf    bool // nothing goes before after

	conn    conn // nil: to be opened
	addr    string
	broken  bool // conn is of no use any more
	quiet   time.Time
	opening time.Time // since when conn is being opened; zero: it is not

	failures int // in a row
	after    time.Time
	cause    error
	pace     pace
}

// A flight is a request under way.
type flight struct {
	request request
	bundles []*bundle
	conn    conn
	sent    time.Time
}

const (
	// idleAfter is when a connection is closed that nothing was sent on: before
	// the broker does that (connections.max.idle.ms, 10 minutes), and before
	// most load balancers forget it.
	idleAfter = 3 * time.Minute
)

// leaderLocked is the broker with this id.
func (e *Engine) leaderLocked(id int32) *leader {
	l := e.leaders[id]
	if l == nil {
		l = &leader{
			engine: e,
			id:     id,
			chance: e.chance(chanceLeader + uint64(uint32(id))), //nolint:gosec // any 32 bits will do
			wake:   make(chan struct{}, 1),
			pace:   pace{good: e.limits.good},
		}
		e.leaders[id] = l
		e.running.Go(l.run)
	}
	return l
}

// run works until Close, or until the broker leads nothing any more.
func (l *leader) run() {
	l.timer = time.NewTimer(time.Hour)
	defer l.timer.Stop()
	for {
		switch next := l.next(); next.step {
		case end:
			return
		case closing:
			next.conn.abort() // a polite goodbye can take long, and says nothing
			next.conn.close()
		case connecting:
			l.connect(next.addr)
		case sending:
			l.send(next.flight)
		case resting:
			l.rest(next.wait)
		}
	}
}

// A move is what a leader does next.
type move struct {
	step   step
	conn   conn
	addr   string
	flight *flight
	wait   time.Duration // 0: until woken
}

type step int8

const (
	resting step = iota
	connecting
	sending
	closing
	end
)

// next decides what to do.
func (l *leader) next() move {
	e := l.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	l.armed, l.deaf = false, false
	switch {
	case l.conn != nil && l.uselessLocked(now):
		c := l.conn
		l.conn, l.broken = nil, false
		return move{step: closing, conn: c}
	case e.closed:
		return move{step: end}
	case l.led == 0 && l.conn == nil:
		delete(e.leaders, l.id)
		return move{step: end}
	}
	l.promoteLocked(now)
	wait := l.waitLocked(now)
	switch {
	case len(l.ready) == 0:
	case l.after.After(now):
		l.deaf = true
		wait = sooner(wait, l.after.Sub(now))
	case l.conn == nil:
		l.addr, l.opening = e.brokers[l.id], now
		e.directory.watchLocked()
		return move{step: connecting, addr: l.addr}
	default:
		d := l.pace.hold(l.air, l.pending, now)
		if d == 0 {
			return move{step: sending, flight: l.gatherLocked(now)}
		}
		l.armed = true
		if d != forAnAnswer {
			wait = sooner(wait, d)
		}
	}
	return move{step: resting, wait: wait}
}

// uselessLocked reports whether the connection has served.
func (l *leader) uselessLocked(now time.Time) bool {
	if l.broken || l.engine.closed {
		return true
	}
	idle := len(l.ready) == 0 && now.Sub(l.quiet) >= idleAfter
	return len(l.air) == 0 && (idle || l.addr != l.engine.brokers[l.id])
}

// promoteLocked makes ready what has waited long enough.
func (l *leader) promoteLocked(now time.Time) {
	for _, q := range slices.Clone(l.later) {
		l.engine.listLocked(q, now)
	}
}

// waitLocked is how long there is nothing to do if nothing happens.
func (l *leader) waitLocked(now time.Time) time.Duration {
	var wait time.Duration
	for _, q := range l.later {
		wait = sooner(wait, q.dueLocked(l.engine.limits).Sub(now))
	}
	if len(l.air) == 0 && l.conn != nil {
		wait = sooner(wait, idleAfter-now.Sub(l.quiet))
	}
	return wait
}

// sooner is the shorter of two waits, of which 0 is for ever.
func sooner(a, b time.Duration) time.Duration {
	b = max(b, 1)
	if a == 0 {
		return b
	}
	return min(a, b)
}

// rest waits to be woken.
func (l *leader) rest(wait time.Duration) {
	var timeout <-chan time.Time
	if wait > 0 {
		l.timer.Reset(wait)
		timeout = l.timer.C
	}
	select {
	case <-l.wake:
		// Others that can run may have something to send, too. When it is this
		// goroutine's turn again, there is nothing better to do than to send.
		runtime.Gosched()
	case <-timeout:
	case <-l.engine.ctx.Done():
	}
}

// wakeLocked tells l that there is more to send, unless it would wait all the
// same.
func (l *leader) wakeLocked() {
	if l.deaf || l.armed && !l.pace.enough(len(l.air), l.pending) {
		return
	}
	l.kick()
}

// kick makes l decide again.
func (l *leader) kick() {
	select {
	case l.wake <- struct{}{}:
	default: // it has been told already
	}
}

// connect opens the connection.
func (l *leader) connect(addr string) {
	e := l.engine
	c, err := e.network.connect(e.ctx, addr)
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	l.opening = time.Time{}
	if err != nil {
		l.failedLocked(err, now)
		e.directory.wantLocked()
		return
	}
	l.conn, l.broken, l.quiet = c, false, now
}

// failedLocked notes why nothing can be sent, and when to try again. Only an
// answer ends a row of failures: what lets itself be connected to may be a proxy
// with nothing behind it.
func (l *leader) failedLocked(err error, now time.Time) {
	l.failures++
	l.cause = err
	if after := now.Add(pause(l.failures, l.chance)); after.After(l.after) { // it may throttle us, too
		l.after = after
	}
}

// gatherLocked seals a request.
func (l *leader) gatherLocked(now time.Time) *flight {
	e := l.engine
	f := &flight{conn: l.conn, sent: now}
	most := min(e.limits.request, l.pace.share(l.air, l.pending))
	taken := 0
	for _, q := range l.ready {
		limit := e.limits.of(q)
		size := q.nextLocked(limit)
		if taken > 0 && f.request.bytes+size > most {
			break
		}
		taken++
		l.pending -= q.pendingLocked()
		q.state = idle
		if len(q.held) == 0 {
			e.sealLocked(q, limit)
			e.keyless.sealedLocked(q)
		}
		b := q.held[0]
		q.flying, q.tried = true, l.id
		b.number(q.producer)
		f.bundles = append(f.bundles, b)
		f.request.bytes += b.bytes
	}
	l.ready = slices.Delete(l.ready, 0, taken)
	l.air = append(l.air, f)
	l.quiet = now
	e.directory.watchLocked()
	return f
}

// send hands f to the connection. All that takes long happens here, without the
// lock.
func (l *leader) send(f *flight) {
	e := l.engine
	for _, b := range f.bundles {
		b.fill(e.limits)
		f.request.parts = append(f.request.parts, part{b.queue.partition, &b.wire})
	}
	err := f.conn.produce(&f.request, func(answer *sarama.ProduceResponse, err error) { l.answered(f, answer, err) })
	if err != nil {
		l.answered(f, nil, err)
	}
}

// landedLocked takes f off the requests under way.
func (l *leader) landedLocked(f *flight) {
	if i := slices.Index(l.air, f); i >= 0 {
		l.air = slices.Delete(l.air, i, i+1)
	}
	l.quiet = time.Now()
	l.armed = false
}
