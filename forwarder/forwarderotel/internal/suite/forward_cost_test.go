//go:build unix

package suite_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwarderotel"
	"github.com/eventferry/eventferry/forwarder/internal/testbatch"
	"github.com/eventferry/eventferry/settings"
)

const (
	costRounds  = 21   // of all ways in turn: what else the machine does meets all of them alike
	costBatches = 512  // of ten events and 9.0 to 9.6 KB
	costEach    = 3000 // batches for each way in a round
	costCallers = 64   // at once
)

// A way is a forwarder with some telemetry, or without.
type way struct {
	name        string
	forwarder   *forwarder.Forwarder
	cost        []time.Duration // processor time for one batch, by round
	allocations []float64       // for one batch, by round
}

// BenchmarkForward compares the whole of Forward, with the default settings, with
// telemetry to that without. A program that measures all should use at most 1.05 of
// the processor time, with at most 3 allocations more; it asserts nothing of the
// time, of which a busy machine makes any true. TestForward_allocations has the rest.
//
//	go test -run '^$' -bench Forward .
func BenchmarkForward(b *testing.B) {
	to, batches := otherProcess(b), costLoad(b)
	unsampled := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample()))
	sampled := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.AlwaysSample()))
	ways := []*way{
		newWay(b, "without", to, nil),
		newWay(b, "metrics", to, onlyMetrics()),
		newWay(b, "and headers, spans not sampled", to, &forwarderotel.Options{TracerProvider: unsampled, Propagator: propagation.TraceContext{}}),
		newWay(b, "and headers, all spans sampled", to, &forwarderotel.Options{TracerProvider: sampled, Propagator: propagation.TraceContext{}}),
		newWay(b, "without, again: noise", to, nil),
	}
	for b.Loop() {
		measureInTurn(b, ways, batches, costRounds, costEach)
	}
	reportWays(b, ways)
}

// TestForward_allocations: a program that measures all takes at most three
// allocations more for a batch.
func TestForward_allocations(t *testing.T) {
	const rounds, each = 3, 200
	to, batches := otherProcess(t), costLoad(t)
	ways := []*way{newWay(t, "without", to, nil), newWay(t, "metrics", to, onlyMetrics())}
	measureInTurn(t, ways, batches, rounds, each)
	_, more := compare(ways[1], ways[0])
	assert.LessOrEqual(t, more[rounds/2], 3.0)
}

func costLoad(tb testing.TB) []*batch.Batch {
	tb.Helper()
	batches := make([]*batch.Batch, 0, costBatches)
	for _, data := range testbatch.Batches(costBatches, 10, 1) {
		parsed, err := batch.Parse(data)
		require.NoError(tb, err)
		batches = append(batches, parsed)
	}
	return batches
}

func onlyMetrics() *forwarderotel.Options {
	return &forwarderotel.Options{TracerProvider: noop.NewTracerProvider(), Propagator: propagation.NewCompositeTextMapPropagator()}
}

// measureInTurn measures rounds of as many batches each, behind one that opens
// connections and makes what compression needs.
func measureInTurn(tb testing.TB, ways []*way, batches []*batch.Batch, rounds, each int) {
	tb.Helper()
	for _, w := range ways {
		require.NoError(tb, w.measure(tb, batches, each))
		w.cost, w.allocations = nil, nil
	}
	for round := range rounds {
		for i := range ways {
			require.NoError(tb, ways[(round+i)%len(ways)].measure(tb, batches, each))
		}
	}
}

func newWay(tb testing.TB, name string, to settings.Settings, o *forwarderotel.Options) *way {
	tb.Helper()
	var opts []forwarder.Option
	if o != nil {
		o.MeterProvider = sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))
		var err error
		opts, err = forwarderotel.New(*o)
		require.NoError(tb, err)
	}
	f, err := forwarder.New(tb.Context(), to, opts...)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = f.Close() })
	return &way{name: name, forwarder: f}
}

// measure has all callers forward their share of a round.
func (w *way) measure(tb testing.TB, batches []*batch.Batch, each int) error {
	tb.Helper()
	runtime.GC() // what the others have left is not this one's
	errs := make([]error, costCallers)
	var next atomic.Int64
	var callers sync.WaitGroup
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	used := processorTime()
	for caller := range costCallers {
		callers.Go(func() {
			for errs[caller] == nil {
				i := int(next.Add(1) - 1)
				if i >= each {
					return
				}
				errs[caller] = w.forwarder.Forward(tb.Context(), batches[i%costBatches])
			}
		})
	}
	callers.Wait()
	w.cost = append(w.cost, (processorTime()-used)/time.Duration(each))
	runtime.ReadMemStats(&after)
	w.allocations = append(w.allocations, float64(after.Mallocs-before.Mallocs)/float64(each))
	return errors.Join(errs...)
}

// processorTime is what this process has used, garbage collection and the kernel's
// work for it included.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// compare returns, sorted, the processor time of the rounds divided by that without,
// and the allocations more than without.
func compare(w, without *way) (ratios, more []float64) {
	for i := range w.cost {
		ratios = append(ratios, float64(w.cost[i])/float64(without.cost[i]))
		more = append(more, w.allocations[i]-without.allocations[i])
	}
	slices.Sort(ratios)
	slices.Sort(more)
	return ratios, more
}

// reportWays prints medians and quartiles of the rounds, to those of the first way.
func reportWays(b *testing.B, ways []*way) {
	b.Helper()
	var table strings.Builder
	fmt.Fprintf(&table, "\n%d interleaved rounds of %d batches of about 9 KB, %d callers\n", len(ways[0].cost), costEach, costCallers)
	for _, w := range ways {
		ratios, more := compare(w, ways[0])
		half := len(ratios) / 2
		fmt.Fprintf(&table, "  %-30s %6.1f µs of processor time   x %.3f (%.3f to %.3f)   %+.2f allocations\n", w.name,
			float64(slices.Sorted(slices.Values(w.cost))[half].Nanoseconds())/1000, ratios[half], ratios[half/2], ratios[half+half/2], more[half])
		if w == ways[1] {
			b.ReportMetric(ratios[half], "of-without")
			b.ReportMetric(more[half], "more-allocs")
		}
	}
	b.ReportMetric(0, "ns/op") // of no meaning here
	fmt.Fprintln(os.Stdout, table.String())
}
