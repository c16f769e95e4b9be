package forwarderotel

import (
	"context"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// A tally counts by labels, and adds its counts to a counter when metrics are
// collected: adding to the counter each time would take several times as long. What
// happens in a sampled span is added at once, so that the counter may keep it as an
// exemplar.
type tally struct {
	counter metric.Int64Counter
	topic   string // for labels that have none

	mu     sync.RWMutex
	counts map[labels]*count // up to maxCounts: a filter's reasons may be of any number
}

// maxCounts is how many labels are counted apart before they are added: as many as
// OpenTelemetry's SDK keeps apart.
const maxCounts = 2000

// A count is what was counted with the same labels and not added to the counter yet.
type count struct {
	pending atomic.Int64
	options []metric.AddOption // made once, as each is an allocation or more
}

func newTally(counter metric.Int64Counter) *tally {
	return &tally{counter: counter, counts: map[labels]*count{}}
}

func (t *tally) add(ctx context.Context, n int, l labels) {
	if n <= 0 {
		return
	}
	c, kept := t.of(l)
	if !kept || trace.SpanContextFromContext(ctx).IsSampled() {
		t.counter.Add(ctx, int64(n), c.options...)
		return
	}
	c.pending.Add(int64(n))
}

// flush adds all counts to the counter.
func (t *tally) flush(ctx context.Context) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, c := range t.counts {
		if n := c.pending.Swap(0); n > 0 {
			t.counter.Add(ctx, n, c.options...)
		}
	}
}

// of returns the count for labels, and whether it is kept: with too many it is not.
func (t *tally) of(l labels) (c *count, kept bool) {
	t.mu.RLock()
	c = t.counts[l]
	t.mu.RUnlock()
	if c != nil {
		return c, true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := t.counts[l]; c != nil { // another has made it meanwhile
		return c, true
	}
	c = &count{options: []metric.AddOption{metric.WithAttributeSet(l.set(t.topic))}}
	if len(t.counts) >= maxCounts {
		return c, false
	}
	t.counts[l] = c
	return c, true
}
