//go:build unix

package cost

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/testbatch"
	"github.com/eventferry/eventferry/settings"
)

const (
	rounds   = 21   // of all ways in turn: what else the machine does meets all of them alike
	distinct = 512  // batches, of ten events and 9.0 to 9.6 KB
	each     = 3000 // batches for each way in a round
)

// A shape is how callers come: so many at once, each of which waits for a group
// of so many batches before it comes with the next.
type shape struct{ callers, group int }

func (s shape) String() string { return fmt.Sprintf("%d callers, groups of %d", s.callers, s.group) }

// A way is one way of bringing a number of batches into Kafka.
type way struct {
	name string
	run  func(caller, from, n int) error
	cost []time.Duration // processor time for one batch, by round
	took []time.Duration // by round
}

// BenchmarkForward compares [forwarder.Forwarder.Forward] of parsed batches,
// with the default settings, to its own producer that is given the same
// messages ready-made. Both use zstd at level 1 and TLS.
func BenchmarkForward(b *testing.B) {
	for _, s := range []shape{{64, 1}, {8, 10}} {
		b.Run(s.String(), func(b *testing.B) {
			measure(b, otherProcess(b, oneBroker), s)
		})
	}
}

func BenchmarkForward_apache(b *testing.B) {
	c, err := apachekafka.Start(b.Context())
	apachekafka.SkipOrFail(b, err)
	b.Cleanup(c.Close)
	for i, s := range []shape{{64, 1}, {8, 10}} {
		b.Run(s.String(), func(b *testing.B) {
			topic := "events" + strconv.Itoa(i)
			require.NoError(b, c.CreateTopic(b.Context(), topic, 12, nil))
			measure(b, c.Settings(topic), s)
		})
	}
}

func measure(b *testing.B, to settings.Settings, s shape) {
	f, err := forwarder.New(b.Context(), to)
	require.NoError(b, err)
	b.Cleanup(func() { _ = f.Close() })
	ways := []*way{fromSeam(s, newProducer(b, to), prepared(b, f, to)), fromBatches(b, f), fromBytes(b, s, f)}
	for b.Loop() {
		for round := range rounds {
			for i := range ways {
				require.NoError(b, ways[(round+i)%len(ways)].measure(s))
			}
		}
	}
	report(b, ways)
}

// inputs are what everything begins with.
func inputs() [][]byte { return testbatch.Batches(distinct, 10, 1) }

func parsed(b *testing.B) []*batch.Batch {
	list := make([]*batch.Batch, 0, distinct)
	for _, data := range inputs() {
		parsed, err := batch.Parse(data)
		require.NoError(b, err)
		list = append(list, parsed)
	}
	return list
}

// prepared returns the messages that f makes of the batches, in their order:
// what Kafka has got is what the seam has been given.
func prepared(b *testing.B, f *forwarder.Forwarder, to settings.Settings) []producer.Message {
	batches := parsed(b)
	require.Nil(b, f.ForwardAll(b.Context(), batches))
	stored, err := forwardertest.Read(b.Context(), to)
	require.NoError(b, err)
	byKey := map[string][]byte{}
	for _, m := range stored {
		byKey[string(m.Key)] = m.Value
	}
	messages := make([]producer.Message, 0, distinct)
	for _, p := range batches {
		id, _ := p.UserID()
		key := strconv.AppendInt(nil, id, 10)
		require.Contains(b, byKey, string(key))
		messages = append(messages, producer.Message{Key: key, Value: byKey[string(key)]})
	}
	return messages
}

func fromSeam(s shape, p producer.Producer, messages []producer.Message) *way {
	waiters := make([]waiter, s.callers)
	for i := range waiters {
		waiters[i] = make(waiter, s.group)
	}
	return &way{name: "the seam, ready-made messages", run: func(caller, from, n int) error {
		return waiters[caller].deliverAll(p, messages[from:from+n])
	}}
}

func fromBatches(b *testing.B, f *forwarder.Forwarder) *way {
	batches := parsed(b)
	return &way{name: "Forward, parsed batches", run: func(_, from, n int) error {
		return forward(b.Context(), f, batches[from:from+n])
	}}
}

func fromBytes(b *testing.B, s shape, f *forwarder.Forwarder) *way {
	data := inputs()
	return &way{name: "Parse and Forward", run: func(_, from, n int) error {
		list := make([]*batch.Batch, 0, s.group)
		for _, text := range data[from : from+n] {
			parsed, err := batch.Parse(text)
			if err != nil {
				return err
			}
			list = append(list, parsed)
		}
		return forward(b.Context(), f, list)
	}}
}

func forward(ctx context.Context, f *forwarder.Forwarder, batches []*batch.Batch) error {
	if len(batches) == 1 {
		return f.Forward(ctx, batches[0])
	}
	return errors.Join(f.ForwardAll(ctx, batches)...)
}

// measure has all callers bring their share of a round.
func (w *way) measure(s shape) error {
	runtime.GC() // what the others have left is not this one's
	groups := distinct / s.group
	var next atomic.Int64
	errs := make([]error, s.callers)
	var callers sync.WaitGroup
	start, used := time.Now(), processorTime()
	for caller := range s.callers {
		callers.Go(func() {
			for errs[caller] == nil {
				i := int(next.Add(1) - 1)
				if i*s.group >= each {
					return
				}
				errs[caller] = w.run(caller, i%groups*s.group, s.group)
			}
		})
	}
	callers.Wait()
	w.cost = append(w.cost, (processorTime()-used)/each)
	w.took = append(w.took, time.Since(start))
	return errors.Join(errs...)
}

// processorTime is what this process has used, garbage collection and the
// kernel's work for it included.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// report prints medians and quartiles; the seam is the first way.
func report(b *testing.B, ways []*way) {
	var table strings.Builder
	fmt.Fprintf(&table, "\n%d interleaved rounds of %d batches; processor time of the client's process\n", len(ways[0].cost), each)
	for _, w := range ways {
		ratios := make([]float64, len(w.cost))
		for i := range ratios {
			ratios[i] = float64(w.cost[i]) / float64(ways[0].cost[i])
		}
		slices.Sort(ratios)
		half := len(ratios) / 2
		fmt.Fprintf(&table, "  %-30s %7.1f µs a batch   x %.2f (%.2f to %.2f)   %6.0f batches/s\n", w.name,
			float64(slices.Sorted(slices.Values(w.cost))[half].Nanoseconds())/1000,
			ratios[half], ratios[half/2], ratios[half+half/2],
			each/slices.Sorted(slices.Values(w.took))[half].Seconds())
		if w == ways[1] {
			b.ReportMetric(ratios[half], "of-the-seam")
		}
	}
	table.WriteString("  Forward of parsed batches should cost at most 1.20 of the seam\n")
	b.ReportMetric(0, "ns/op") // of no meaning here
	fmt.Fprintln(os.Stdout, table.String())
}
