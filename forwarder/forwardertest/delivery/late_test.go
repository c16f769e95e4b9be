package delivery

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	margin = 50 * time.Millisecond // how late callers may be told, at the 99th percentile
	busy   = 20 * time.Millisecond // a machine whose own timers are as late proves nothing
)

// late collects how long after their deadline calls came back.
type late struct {
	mu    sync.Mutex
	times []time.Duration
}

// call runs one call with a deadline.
func (l *late) call(do func(context.Context)) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	deadline := time.Now().Add(patience)
	do(ctx)
	l.add(time.Since(deadline))
}

func (l *late) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.times = append(l.times, d)
}

// p99 is the 99th percentile.
func (l *late) p99() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.Sort(l.times)
	return l.times[len(l.times)*99/100]
}

// punctual runs a subtest that measures. What was late on a busy machine is
// measured again, a few times.
func punctual(t *testing.T, name string, measure func(*testing.T, *measurement)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		for attempt := 1; ; attempt++ {
			m := &measurement{}
			measure(t, m)
			if racing || m.worst <= margin || t.Failed() {
				return
			}
			if attempt == 5 || !m.busy() {
				assert.LessOrEqual(t, m.worst, margin)
				return
			}
			t.Log("the machine was busy: once more")
		}
	})
}

// A measurement compares calls with the machine's own timers.
type measurement struct {
	machine late
	cancel  context.CancelFunc
	all     sync.WaitGroup
	worst   time.Duration
}

// start measures, until stop is called, how late contexts end.
func (m *measurement) start() {
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	for i := range 20 {
		m.all.Go(func() {
			for after := time.Duration(i) * 5 * time.Millisecond; ctx.Err() == nil; after = 50 * time.Millisecond {
				deadline := time.Now().Add(after)
				<-time.After(after)
				m.machine.add(time.Since(deadline))
			}
		})
	}
}

func (m *measurement) stop() {
	m.cancel()
	m.all.Wait()
}

func (m *measurement) busy() bool { return slices.Max(m.machine.times) > busy }

// check notes how late calls were, beyond how late the machine itself was.
func (m *measurement) check(t *testing.T, l *late, what string, atLeast int) {
	t.Helper()
	p99, base := l.p99(), max(m.machine.p99(), 0)
	require.GreaterOrEqual(t, len(l.times), atLeast)
	if len(l.times) < 100 { // then it is the last of them
		base = max(base, slices.Max(m.machine.times))
	}
	t.Logf("%s: %d calls, p99 %v after the deadline; the machine's timers %v", what, len(l.times), p99, base)
	m.worst = max(m.worst, p99-base)
}
