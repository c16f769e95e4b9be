//go:build unix

package cost

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
	"github.com/eventferry/eventferry/forwarder/spool"
	"github.com/eventferry/eventferry/settings"
)

// BenchmarkSpool compares a forwarder on a spool with one that has none, both in
// one process, and with a bare loop of as many writes and syncs into files that
// are there already. The spool is in the folder for temporary files: TMPDIR names
// another disk.
func BenchmarkSpool(b *testing.B) {
	compareSpool(b, func(b *testing.B, _ int) settings.Settings { return otherProcess(b, oneBroker) })
}

// BenchmarkSpool_apache is the same with Apache Kafka, on the same disk.
func BenchmarkSpool_apache(b *testing.B) {
	c, err := apachekafka.Start(b.Context())
	apachekafka.SkipOrFail(b, err)
	b.Cleanup(c.Close)
	compareSpool(b, func(b *testing.B, i int) settings.Settings {
		topic := fmt.Sprintf("spooled%d", i)
		require.NoError(b, c.CreateTopic(b.Context(), topic, 12, nil))
		return c.Settings(topic)
	})
}

func compareSpool(b *testing.B, kafka func(b *testing.B, i int) settings.Settings) {
	b.Run("processor time", func(b *testing.B) { spoolProcessorTime(b, newSpoolPair(b, kafka(b, 0))) })
	b.Run("rate", func(b *testing.B) { spoolRate(b, newSpoolPair(b, kafka(b, 1))) })
	b.Run("latency", func(b *testing.B) { spoolLatency(b, newSpoolPair(b, kafka(b, 2))) })
}

// A spoolPair is a forwarder on a spool, one without, and what both are given.
type spoolPair struct {
	without, on *forwarder.Forwarder
	batches     []*batch.Batch
	bare        *bareFiles
}

func newSpoolPair(b *testing.B, to settings.Settings) *spoolPair {
	log := forwarder.WithLogger(slog.New(slog.DiscardHandler))
	dir := b.TempDir()
	s, err := spool.Open(b.Context(), dir+"/spool", spool.Options{MaxBytes: 1 << 30, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(b, err)
	p := &spoolPair{batches: parsed(b), bare: newBareFiles(b, dir+"/bare")}
	p.without, err = forwarder.New(b.Context(), to, log)
	require.NoError(b, err)
	p.on, err = forwarder.New(b.Context(), to, log, forwarder.WithSpool(s))
	require.NoError(b, err)
	b.Cleanup(func() {
		_ = p.without.Close()
		_ = p.on.Close()
		_ = s.Close()
	})
	return p
}

func (p *spoolPair) way(name string, f *forwarder.Forwarder) *way {
	return &way{name: name, run: func(_, from, n int) error {
		return forward(context.Background(), f, p.batches[from:from+n])
	}}
}

// waitDelivered waits until nothing is left on the disk that is to be sent.
func (p *spoolPair) waitDelivered() {
	for p.on.Stats().Spool.Messages > 0 {
		time.Sleep(time.Millisecond) //nolint:forbidigo // costs little, and no call tells
	}
}

// spoolProcessorTime compares Store and the delivery of what is stored with Forward.
func spoolProcessorTime(b *testing.B, p *spoolPair) {
	s := shape{64, 1}
	without := p.way("Forward, no spool", p.without)
	stored := &way{name: "Store, and delivery", run: func(_, from, _ int) error {
		return p.on.Store(context.Background(), p.batches[from])
	}}
	on := p.way("Forward on a spool", p.on)
	for b.Loop() {
		for range rounds {
			for _, w := range []*way{without, stored, on} {
				require.NoError(b, w.measureUntil(s, p.waitDelivered))
			}
		}
	}
	ratio := ratios(stored.cost, without.cost)
	b.ReportMetric(median(ratio), "of-Forward")
	reportSpool(b, s, []*way{without, stored, on}, fmt.Sprintf("processor time of Store and delivery: %s of Forward without a spool, to be at most 1.3", quartiles(ratio)))
}

// spoolRate compares how many batches a second Forward brings into Kafka, and how
// many it could: without a spool, behind bare writes and syncs that callers share, and
// beside as many bare intents as there were requests. If those alone take it below 0.7, a
// spool is to reach 0.9 of it.
func spoolRate(b *testing.B, p *spoolPair) {
	s := shape{64, 10}
	without, on, bare := p.way("Forward, no spool", p.without), p.way("Forward on a spool", p.on), &way{name: "bare writes and syncs"}
	requests := 0
	loop := newBareLoop(b, p.bare)
	floor := &way{name: "no spool, behind the bare ones", run: func(_, from, n int) error {
		loop.store(n * bareBatch)
		return forward(context.Background(), p.without, p.batches[from:from+n])
	}}
	var last string
	for b.Loop() {
		for range rounds {
			require.NoError(b, without.measure(s))
			before := p.on.Stats()
			require.NoError(b, on.measure(s))
			p.waitDelivered()
			after := p.on.Stats()
			data := after.Spool.Syncs - before.Spool.Syncs
			requests = int(requestsOf(after) - requestsOf(before))
			synced := loop.syncs.Load()
			var beside sync.WaitGroup
			beside.Go(func() { p.bare.write(b, 0, 0, requests) })
			require.NoError(b, floor.measure(s))
			beside.Wait()
			last = fmt.Sprintf("%d batches in %d data syncs, bare in %d; %d requests with intents", each, data, loop.syncs.Load()-synced, requests)
			bare.took = append(bare.took, p.bare.write(b, data, each*bareBatch, requests))
			bare.cost = append(bare.cost, 0)
		}
	}
	rate, most, ofFloor := ratios(without.took, on.took), ratios(without.took, floor.took), ratios(floor.took, on.took)
	b.ReportMetric(median(rate), "of-Forward")
	b.ReportMetric(median(most), "floor-of-Forward")
	b.ReportMetric(median(ofFloor), "of-floor")
	bar := "0.7 of Forward"
	if median(most) < 0.7 {
		bar = "0.9 of the floor, since that is below 0.7 of Forward"
	}
	reportSpool(b, s, []*way{without, on, floor, bare}, fmt.Sprintf(
		"rate on a spool: %s of Forward without; floor: %s of it; rate / floor: %s; to be at least %s\n"+
			"  (last round: %s; the bare ones alone: %s of Forward)",
		quartiles(rate), quartiles(most), quartiles(ofFloor), bar, last, quartiles(ratios(without.took, bare.took))))
}

// spoolLatency compares how long one caller waits for Forward.
func spoolLatency(b *testing.B, p *spoolPair) {
	const calls = 100
	var without, on, stored, syncs []time.Duration
	beyond, storing := []float64{}, []float64{}
	for b.Loop() {
		for range rounds {
			w, o, st, d := []time.Duration{}, []time.Duration{}, []time.Duration{}, []time.Duration{}
			for i := range calls {
				one := p.batches[i%len(p.batches)]
				w = append(w, timed(b, func() error { return p.without.Forward(b.Context(), one) }))
				d = append(d, p.bare.write(b, 1, bareBatch, 0))
				o = append(o, timed(b, func() error { return p.on.Forward(b.Context(), one) }))
				st = append(st, timed(b, func() error { return p.on.Store(b.Context(), one) }))
				p.waitDelivered()
			}
			without, on, stored, syncs = append(without, median(w)), append(on, median(o)), append(stored, median(st)), append(syncs, median(d))
			beyond = append(beyond, float64(median(o)-median(w))/float64(median(d)))
			storing = append(storing, float64(median(st))/float64(median(d)))
		}
	}
	b.ReportMetric(median(beyond), "bare-syncs-beyond")
	b.ReportMetric(0, "ns/op") // of no meaning here
	fmt.Fprintf(os.Stdout, "\n%d rounds of %d calls, one caller\n  Forward without a spool %v, on one %v, Store %v, a bare write and sync %v\n"+
		"  Forward on a spool takes %s bare syncs longer, to be at most 2.5; Store takes %s\n",
		len(without), calls, median(without), median(on), median(stored), median(syncs), quartiles(beyond), quartiles(storing))
}

func timed(b *testing.B, f func() error) time.Duration {
	start := time.Now()
	require.NoError(b, f())
	return time.Since(start)
}

// measureUntil is measure, and wait counts.
func (w *way) measureUntil(s shape, wait func()) error {
	start, used := time.Now(), processorTime()
	err := w.measure(s)
	wait()
	last := len(w.cost) - 1
	w.cost[last], w.took[last] = (processorTime()-used)/each, time.Since(start)
	return err
}

func requestsOf(s forwarder.Stats) int64 {
	n := int64(0)
	for _, b := range s.Brokers {
		n += b.Requests
	}
	return n
}

func reportSpool(b *testing.B, s shape, ways []*way, conclusion string) {
	b.ReportMetric(0, "ns/op") // of no meaning here
	var table strings.Builder
	fmt.Fprintf(&table, "\n%s, %d interleaved rounds of %d batches\n", s, len(ways[0].took), each)
	for _, w := range ways {
		fmt.Fprintf(&table, "  %-30s %7.1f µs of processor time a batch, %6.0f batches/s\n", w.name,
			float64(median(w.cost).Nanoseconds())/1000, each/median(w.took).Seconds())
	}
	fmt.Fprintln(os.Stdout, table.String()+"  "+conclusion)
}

// ratios divides by rounds.
func ratios(of, by []time.Duration) []float64 {
	list := make([]float64, len(of))
	for i := range list {
		list[i] = float64(of[i]) / float64(by[i])
	}
	return list
}

func median[T cmp.Ordered](list []T) T { return quantile(list, 2) }

// quantile returns the first, second or third quartile.
func quantile[T cmp.Ordered](list []T, quarter int) T {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[(len(sorted)-1)*quarter/4]
}

func quartiles(list []float64) string {
	return fmt.Sprintf("%.2f (%.2f to %.2f)", median(list), quantile(list, 1), quantile(list, 3))
}
