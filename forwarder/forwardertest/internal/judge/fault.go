package judge

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/proxy"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/trace"
)

// A fault is one thing that goes wrong for a while.
type fault struct {
	name  string
	lasts time.Duration
	begin func(ctx context.Context) (effect, error)
}

// An effect is a fault in force.
type effect struct {
	heal func(ctx context.Context) error // nil: nothing to do
	hits func() int                      // connections and answers it has changed
	// The hits are requests in flight themselves.
	inFlight bool
	// A message whose earlier answer was lost cannot be sent again with the same
	// number: its call rightly ends with an unknown outcome.
	doubt bool
	// Brokers refuse messages for what is in them, for good.
	refuses bool
}

// A span is a time in which a fault was in force.
type span struct{ from, to time.Time }

// settleTime is for how long after a fault calls may still end by it.
const settleTime = 3 * time.Second

// An injector brings faults about and counts those that hit: a request was in
// flight, and a connection or an answer has changed.
type injector struct {
	proxies []*proxy.Proxy

	active atomic.Int32
	wg     sync.WaitGroup

	mu      sync.Mutex
	tried   map[string]int
	hit     map[string]int
	total   int
	err     error
	doubt   []span // of faults that leave messages in doubt
	refused []span // of faults in which brokers refuse messages
}

func newInjector(proxies []*proxy.Proxy) *injector {
	return &injector{proxies: proxies, tried: map[string]int{}, hit: map[string]int{}}
}

func (j *injector) on() bool { return j.active.Load() > 0 }

func (j *injector) inFlight() bool {
	return slices.ContainsFunc(j.proxies, func(p *proxy.Proxy) bool { return p.Busy() > 0 })
}

// inject begins a fault and returns; the fault heals on a goroutine of its own.
// The channel is closed then.
func (j *injector) inject(ctx context.Context, f fault) <-chan struct{} {
	healed := make(chan struct{})
	j.active.Add(1)
	busy := j.inFlight()
	begun := time.Now()
	e, err := f.begin(ctx)
	j.wg.Go(func() {
		defer close(healed)
		defer j.active.Add(-1)
		if err == nil {
			select {
			case <-time.After(f.lasts):
			case <-ctx.Done():
			}
			busy = busy || j.inFlight()
			if e.heal != nil {
				err = e.heal(context.WithoutCancel(ctx))
			}
		}
		j.remember(e, span{begun.Add(-time.Millisecond), time.Now().Add(settleTime)}) // attempts have whole milliseconds
		// A connection that was cut at a busy moment is not busy any more.
		j.count(f.name, err, err == nil && e.hits() > 0 && (busy || e.inFlight))
	})
	return healed
}

func (j *injector) count(name string, err error, hit bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil && j.err == nil {
		j.err = fmt.Errorf("judge: %s: %w", name, err)
	}
	j.tried[name]++
	if hit {
		j.hit[name]++
		j.total++
	}
}

// remember keeps when calls may have failed by a fault.
func (j *injector) remember(e effect, s span) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if e.doubt {
		j.doubt = append(j.doubt, s)
	}
	if e.refuses {
		j.refused = append(j.refused, s)
	}
}

// clockAhead returns when the forwarder's clock was ahead for the first time; zero:
// never. Only then brokers refuse messages.
func (j *injector) clockAhead() time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	var first time.Time
	for _, s := range j.refused {
		if first.IsZero() || s.from.Before(first) {
			first = s.from
		}
	}
	return first
}

// excuses reports whether a fault explains that a call failed then.
func (j *injector) excuses(o trace.Outcome, at time.Time) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	then := func(s span) bool { return at.After(s.from) && at.Before(s.to) }
	return o == trace.Unknown && slices.ContainsFunc(j.doubt, then) || slices.ContainsFunc(j.refused, then)
}

// hits is how many faults have hit; err that of one that could not be brought
// about or healed.
func (j *injector) hits() (n int, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.total, j.err
}

// allHit reports whether each of these faults has hit.
func (j *injector) allHit(names []string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return !slices.ContainsFunc(names, func(name string) bool { return j.hit[name] == 0 })
}

// String lists what hit by name.
func (j *injector) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	tried := 0
	var list []string
	for _, name := range slices.Sorted(maps.Keys(j.tried)) {
		tried += j.tried[name]
		list = append(list, fmt.Sprintf("%s %d", name, j.hit[name]))
	}
	return fmt.Sprintf("%d of %d: %s", j.total, tried, strings.Join(list, ", "))
}

// since returns a function that tells how much count has grown.
func since(count func() int) func() int {
	before := count()
	return func() int { return count() - before }
}
