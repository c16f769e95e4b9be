//go:build unix

package cost

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/internal/testbatch"
	"github.com/eventferry/eventferry/forwarder/spool"
	"github.com/eventferry/eventferry/settings"
)

const (
	growthRounds = 11
	growthEvents = 20_000  // of a point in a round
	growthBytes  = 4 << 20 // of text that a point has ready, about
)

// A growthPoint is a load: that of usualGrowth with one thing changed.
type growthPoint struct {
	of                  string // what is changed
	callers, partitions int
	events              int // of a batch
	brokers             int
	spooled             bool
	value               string
	forwarder           *forwarder.Forwarder
	batches             []*batch.Batch
	text                int             // bytes of batches
	cost                []time.Duration // processor time of a round
}

// growthPoints change one thing each; the usual load is among the values of each.
func growthPoints() []*growthPoint {
	var list []*growthPoint
	add := func(of string, value any, change func(p *growthPoint)) {
		p := &growthPoint{of: of, value: fmt.Sprint(value), callers: 64, partitions: 12, events: 10, brokers: 1}
		change(p)
		list = append(list, p)
	}
	for _, n := range []int{1, 4, 16, 64, 256, 1024} {
		add("callers", n, func(p *growthPoint) { p.callers = n })
	}
	for _, n := range []int{1, 12, 100, 1000} {
		add("partitions", n, func(p *growthPoint) { p.partitions = n })
	}
	for _, n := range []int{1, 10, 100, 1000} {
		add("events a batch", n, func(p *growthPoint) { p.events = n })
	}
	for _, n := range []int{1, 2, 3} {
		add("brokers", n, func(p *growthPoint) { p.brokers = n })
	}
	for _, on := range []bool{false, true} {
		add("spool", map[bool]string{true: "on", false: "off"}[on], func(p *growthPoint) { p.spooled = on })
	}
	return list
}

// growthCluster is the name of a cluster of so many brokers.
func growthCluster(brokers int) string { return fmt.Sprintf("growth on %d", brokers) }

func growthTopics(brokers int) []forwardertest.KafkaOption {
	opts := []forwardertest.KafkaOption{forwardertest.WithBrokers(brokers)}
	for _, n := range []int32{12, 1, 100, 1000} {
		opts = append(opts, forwardertest.WithTopic(growthTopic(int(n)), n))
	}
	return opts
}

func growthTopic(partitions int) string { return "partitions" + strconv.Itoa(partitions) }

// BenchmarkGrowth measures how the processor time of an event changes with callers,
// partitions, events a batch, brokers and a spool, for Forward of parsed batches with
// the default settings. It asserts nothing, as all benchmarks here.
//
//	go test -run '^$' -bench Growth ./forwarder/forwardertest/internal/cost
//
// On two busy cores of an Intel Xeon it printed, relative to the best of each group,
// with quartiles:
//
//	callers            1   13.1 µs an event   3.10 (2.89 to 3.18)
//	                   4    9.2               2.19 (1.93 to 2.22)
//	                  16    6.9               1.63 (1.47 to 1.66)
//	                  64    5.1               1.22 (1.20 to 1.24)
//	                 256    5.0               1.18 (1.10 to 1.19)
//	               1,024    4.2               1
//	partitions         1    4.9               1
//	                  12    5.4               1.08 (1.04 to 1.15)
//	                 100    6.3               1.28 (1.27 to 1.35)
//	               1,000    6.3               1.32 (1.26 to 1.35)
//	events a batch     1   23.9               8.23 (7.69 to 8.54)
//	                  10    5.4               1.82 (1.77 to 1.88)
//	                 100    2.9               1
//	               1,000    3.5               1.21 (1.17 to 1.27)
//	brokers            1    5.3               1
//	                   2    5.6               1.05 (0.99 to 1.06)
//	                   3    5.5               1.03 (0.96 to 1.05)
//	spool            off    5.1               1
//	                  on   11.0               2.16 (2.14 to 2.22)
//
// What is beyond 1.15 has these reasons, by profiles:
//
//   - Callers, partitions: as many batches share a record batch and a request as are
//     under way for a partition. One caller has a request for each batch, 64 have one
//     for 23, and on 100 partitions a record batch has mostly one message. A frame of
//     zstd begins with tables of its own, so that half of the time of one caller is
//     compression; the rest is that of a request: encryption, system calls, and
//     goroutines that wait for each other.
//   - Events: a batch has 1.7 KB of members around its events, so one event has almost
//     three times as many bytes to itself. By the byte it is 2.6 times the best, with
//     as many calls as events. What batches of 1,000 events take more than those of
//     100 is zstd's: 2.6 µs an event instead of 2.1.
//   - Brokers: here one process plays all of them. Three of Apache Kafka that share a
//     core, in the table of package peers, make it 1.7 of one: the messages of 64 callers
//     are three requests there, with record batches of a third. franz-go's cost grows
//     as much or more.
//   - Spool: each byte is written to the disk, and read back unless it was stored a moment
//     ago, and each request has an intent to sync. SPOOL.md has more, of other loads.
func BenchmarkGrowth(b *testing.B) {
	points := growthPoints()
	clusters := map[int]settings.Settings{}
	for _, p := range points {
		if _, ok := clusters[p.brokers]; !ok {
			clusters[p.brokers] = otherProcess(b, growthCluster(p.brokers))
		}
		p.open(b, clusters[p.brokers])
		require.NoError(b, p.run(b.Context())) // connections, and what is made once
	}
	for b.Loop() {
		for round := range growthRounds {
			for i := range points {
				p := points[(round+i)%len(points)]
				runtime.GC() // what the others have left is not this one's
				before := processorTime()
				require.NoError(b, p.run(b.Context()))
				p.cost = append(p.cost, processorTime()-before)
			}
		}
	}
	b.ReportMetric(0, "ns/op") // of no meaning here
	fmt.Fprintln(os.Stdout, reportGrowth(points))
}

// open starts p's forwarder, and makes its batches.
func (p *growthPoint) open(b *testing.B, to settings.Settings) {
	log := slog.New(slog.DiscardHandler)
	opts := []forwarder.Option{forwarder.WithLogger(log)}
	if p.spooled {
		s, err := spool.Open(b.Context(), b.TempDir(), spool.Options{MaxBytes: 1 << 30, Logger: log})
		require.NoError(b, err)
		b.Cleanup(func() { _ = s.Close() })
		opts = append(opts, forwarder.WithSpool(s))
	}
	to.TopicName = growthTopic(p.partitions)
	f, err := forwarder.New(b.Context(), to, opts...)
	require.NoError(b, err)
	b.Cleanup(func() { _ = f.Close() })
	p.forwarder = f
	for _, text := range testbatch.Batches(max(8, growthBytes/(1000+1000*p.events)), p.events, 1) {
		parsed, err := batch.Parse(text)
		require.NoError(b, err)
		p.batches, p.text = append(p.batches, parsed), p.text+len(text)
	}
}

// run forwards a round's events.
func (p *growthPoint) run(ctx context.Context) error {
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var callers sync.WaitGroup
	for range p.callers {
		callers.Go(func() {
			for failed.Load() == nil {
				i := int(next.Add(1) - 1)
				if i*p.events >= growthEvents {
					return
				}
				if err := p.forwarder.Forward(ctx, p.batches[i%len(p.batches)]); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	callers.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

func reportGrowth(points []*growthPoint) string {
	var table strings.Builder
	fmt.Fprintf(&table, "\n%d interleaved rounds of %d events for each point; processor time of the client's process\n", len(points[0].cost), growthEvents)
	for group := points; len(group) > 0; {
		end := slices.IndexFunc(group, func(p *growthPoint) bool { return p.of != group[0].of })
		if end < 0 {
			end = len(group)
		}
		best := slices.MinFunc(group[:end], func(a, b *growthPoint) int { return int(median(a.cost) - median(b.cost)) })
		for _, p := range group[:end] {
			perEvent := float64(median(p.cost).Nanoseconds()) / 1000 / growthEvents
			fmt.Fprintf(&table, "  %-15s %5s %7.2f µs an event, %6.2f µs a KB   x %s of the best\n", p.of, p.value,
				perEvent, perEvent*1000/(float64(p.text)/float64(len(p.batches)*p.events)), quartiles(ratios(p.cost, best.cost)))
		}
		group = group[end:]
	}
	return table.String()
}
