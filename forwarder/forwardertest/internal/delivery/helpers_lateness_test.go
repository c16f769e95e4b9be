package delivery

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// margin is how late callers may be told on a machine at rest, at the 99th
// percentile.
const margin = 50 * time.Millisecond

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

// punctual runs a subtest that measures. What was late is measured again, a few
// times: a call that is told late for a cause of its own is late each time.
func punctual(t *testing.T, name string, measure func(*testing.T, *measurement)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		for attempt := 1; ; attempt++ {
			m := &measurement{}
			measure(t, m)
			if racing || m.late == "" || t.Failed() {
				return
			}
			if attempt == 5 {
				t.Errorf("late five times: %s", m.late)
				return
			}
			t.Logf("once more: %s", m.late)
		}
	})
}

// A measurement compares calls with the machine's own timers.
type measurement struct {
	machine late
	cancel  context.CancelFunc
	all     sync.WaitGroup
	begun   time.Time
	late    string // what was late; empty: nothing
}

// start measures, until stop is called, how late contexts end.
func (m *measurement) start() {
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel, m.begun = cancel, time.Now()
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

// check notes whether calls were late: beyond how late the machine's own timers
// were, by more than the margin of a machine that is as busy.
func (m *measurement) check(t *testing.T, l *late, what string, atLeast int) {
	t.Helper()
	p99, base := l.p99(), max(m.machine.p99(), 0)
	require.GreaterOrEqual(t, len(l.times), atLeast)
	if len(l.times) < 100 { // then it is the last of them
		base = max(base, slices.Max(m.machine.times))
	}
	t.Logf("%s: %d calls, p99 %v after the deadline; the machine's timers %v", what, len(l.times), p99, base)
	if allowed := machine.Allow(margin, m.begun); p99-base > allowed {
		m.late = fmt.Sprintf("%s: %v after the deadline, the machine's timers %v, %v allowed beyond them", what, p99, base, allowed)
	}
}

// A caller that is told late for a cause of its own is caught.
func TestMeasurement_control(t *testing.T) {
	for behind, caught := range map[time.Duration]bool{0: false, margin: false, time.Hour: true} {
		m := &measurement{begun: time.Now()}
		m.machine.add(0)
		m.check(t, &late{times: []time.Duration{behind}}, "a call", 1)
		if caught {
			assert.NotEmpty(t, m.late)
		} else {
			assert.Empty(t, m.late)
		}
	}
}
