package forwarder

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/testbatch"
	"github.com/eventferry/eventferry/settings"
)

// passes is how often each job is measured. All jobs take turns, so that what
// else the machine does meets all of them alike.
const passes = 21

// A job is one way of getting from the bytes of a batch to those of messages.
type job struct {
	name  string
	input [][]byte // taken in turn
	run   func(data []byte)
	n     int             // how often a pass runs it
	times []time.Duration // for one batch, by pass
}

// A ratio compares two jobs within each pass.
type ratio struct {
	text         string
	job, against *job
	bar          string
	perByte      bool
}

// BenchmarkCost prints what filtering, encoding and splitting cost, as ratios
// of jobs measured in one run:
//
//	go test -run '^$' -bench Cost ./forwarder
//
// It asserts nothing: a busy machine makes any time true. Every figure is the
// median of the passes.
//
// What fresh memory costs is mostly what else the process keeps, because that
// says how often the garbage collector runs and what it finds. So all is
// measured three times. The first is a process that does nothing else: in less
// than 4 MB a copy is almost free. The second is what the bars are for, a
// process that has batches under way, as bytes, like a forwarder's buffer. The
// third keeps decoded batches, full of pointers: there the collector's work for
// each fresh byte costs more than anything that is compared here.
func BenchmarkCost(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, m := range []struct {
		name string
		hold func(testing.TB) any
	}{
		{"nothing else in memory", func(testing.TB) any { return nil }},
		{"16 MB of batches under way", func(testing.TB) any { return underWay(16 << 20) }},
		{"5 MB of decoded batches", func(tb testing.TB) any { return decoded(tb, 5<<20) }},
	} {
		b.Run(m.name, func(b *testing.B) {
			other := m.hold(b)
			jobs, ratios := costs(b)
			for b.Loop() {
				for range passes {
					for _, j := range jobs {
						j.measure()
					}
				}
			}
			runtime.KeepAlive(other)
			report(m.name, jobs, ratios)
			b.ReportMetric(0, "ns/op") // of no meaning here
		})
	}
}

func report(memory string, jobs []*job, ratios []ratio) {
	var table strings.Builder
	fmt.Fprintf(&table, "\n%s: %d interleaved passes, %s of one batch\n", memory, len(jobs[0].times), clock)
	for _, j := range jobs {
		fmt.Fprintf(&table, "  %-46s %9.2f µs %6d bytes\n", j.name, float64(median(j.times))/1000, meanSize(j.input))
	}
	table.WriteString("ratios (quartiles), and what they should be\n")
	for _, r := range ratios {
		all := r.all()
		fmt.Fprintf(&table, "  %-66s %6.2f (%.2f to %.2f)   %s\n", r.text, median(all), all[len(all)/4], all[len(all)*3/4], r.bar)
	}
	fmt.Fprintln(os.Stdout, table.String()) // b.Log would cut it short
}

// underWay makes batches that fill so many bytes.
func underWay(size int) [][]byte {
	var list [][]byte
	for seed := uint64(9); size > 0; seed++ {
		for _, data := range testbatch.Batches(100, 10, seed) {
			list = append(list, data)
			size -= len(data)
		}
	}
	return list
}

// decoded makes batches of structs that fill so many bytes.
func decoded(tb testing.TB, size int) []testbatch.Batch {
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var list []testbatch.Batch
	for seed := uint64(9); ; seed++ {
		runtime.GC()
		runtime.ReadMemStats(&now)
		if now.HeapAlloc >= before.HeapAlloc+uint64(size) {
			return list
		}
		for _, data := range testbatch.Batches(100, 10, seed) {
			var b testbatch.Batch
			require.NoError(tb, json.Unmarshal(data, &b))
			list = append(list, b)
		}
	}
}

// costs lists the jobs and what they are compared with.
func costs(tb testing.TB) ([]*job, []ratio) {
	ten, one, hundred := testbatch.Batches(32, 10, 1), testbatch.Batches(64, 1, 1), testbatch.Batches(8, 100, 1)
	kept := undropped(tb, 32, 10)

	def, perEvent := mustPipeline(tb, settings.Settings{}), mustPipeline(tb, settings.Settings{SendAsBatch: settings.Off})
	user := mustPipeline(tb, settings.Settings{}, filter("user", dropOne))

	forward := &job{name: "parse, clone, default switches, append", input: ten, run: forwarding(tb, def)}
	structs := &job{name: "json.Unmarshal and json.Marshal of structs", input: ten, run: func(data []byte) {
		var plain testbatch.Batch
		if err := json.Unmarshal(data, &plain); err != nil {
			tb.Fatal(err)
		}
		if _, err := json.Marshal(plain); err != nil {
			tb.Fatal(err)
		}
	}}
	copies := &job{name: "copy into a fresh buffer", input: ten, run: func(data []byte) { keep(slices.Clone(data)) }}
	small := &job{name: "the same, 1 event", input: one, run: forward.run}
	large := &job{name: "the same, 100 events", input: hundred, run: forward.run}

	split := &job{name: "parse, clone, default switches, 10 messages", input: kept, run: func(data []byte) {
		o, err := perEvent.measured(edited(tb, perEvent, data), nil)
		if err != nil {
			tb.Fatal(err)
		}
		if messages := encodeAll(&o); len(messages) != 10 {
			tb.Fatal(len(messages), "messages")
		}
	}}
	outputs := map[*byte][]byte{} // of each input
	for _, data := range kept {
		var all []byte
		for _, m := range prepared(tb, perEvent, data) {
			all = append(all, m.value...)
		}
		outputs[&data[0]] = all
	}
	splitCopies := &job{name: "copy of the 10 messages into a fresh buffer", input: kept, run: func(data []byte) { keep(slices.Clone(outputs[&data[0]])) }}

	without := &job{name: "the whole pipeline", input: kept, run: func(data []byte) { prepared(tb, def, data) }}
	filtered := &job{name: "the same with a user's filter", input: kept, run: func(data []byte) { prepared(tb, user, data) }}

	return []*job{forward, structs, copies, small, large, split, splitCopies, without, filtered}, []ratio{
		{text: "structs / parse, switches, append", job: structs, against: forward, bar: ">= 13"},
		{text: "parse, switches, append / copy of the input", job: forward, against: copies, bar: "<= 4.5"},
		{text: "time per byte, 100 events / 10 events", job: large, against: forward, bar: "<= 1.2", perByte: true},
		{text: "time per byte, 1 event / 10 events", job: small, against: forward, bar: "<= 1.5", perByte: true},
		{text: "parse, switches, 10 messages / copy of their bytes", job: split, against: splitCopies, bar: "<= 4.5"},
		{text: "with a filter that reads two members and drops one event / without", job: filtered, against: without, bar: "<= 1.25"},
	}
}

// undropped makes batches whose events the default settings all keep.
func undropped(tb testing.TB, n, events int) [][]byte {
	p := mustPipeline(tb, settings.Settings{})
	var list [][]byte
	for _, data := range testbatch.Batches(20*n, events, 2) {
		if messages := prepared(tb, p, data); messages[0].events == events && len(list) < n {
			list = append(list, data)
		}
	}
	require.Len(tb, list, n)
	return list
}

// dropOne reads two members and drops one event.
func dropOne(_ context.Context, b *batch.Batch) error {
	environment, _ := b.At("environment").Text()
	platform, _ := b.At("device_info", "platform").Text()
	if environment == "" || platform != "Android" {
		return batch.Drop("not ours")
	}
	b.DropEvents("fourth", func(e batch.Event) bool { return e.Index() == 3 })
	return nil
}

// forwarding is what happens to a batch, up to the bytes of one message.
func forwarding(tb testing.TB, p *pipeline) func([]byte) {
	return func(data []byte) {
		own := edited(tb, p, data)
		keep(own.AppendJSON(make([]byte, 0, own.Size())))
	}
}

// edited is the filtered copy of a batch.
func edited(tb testing.TB, p *pipeline, data []byte) *batch.Batch {
	b, err := batch.Parse(data)
	if err != nil {
		tb.Fatal(err)
	}
	own := b.Clone()
	if _, err := p.filter(tb.Context(), own); err != nil {
		tb.Fatal(err)
	}
	return own
}

func prepared(tb testing.TB, p *pipeline, data []byte) []message {
	b, err := batch.Parse(data)
	if err != nil {
		tb.Fatal(err)
	}
	o, _, err := p.outlineOf(tb.Context(), b)
	if err != nil {
		tb.Fatal(err)
	}
	return encodeAll(&o)
}

func mustPipeline(tb testing.TB, s settings.Settings, callers ...namedFilter) *pipeline {
	tb.Helper()
	list, err := settingsFilters(s)
	require.NoError(tb, err)
	return newPipeline(s.WithDefaults(), append(list, callers...))
}

// measure runs the job for about 40 ms.
func (j *job) measure() {
	const pass = 40 * time.Millisecond
	for j.n = max(j.n, 1); ; j.n *= 2 {
		start := now()
		for i := range j.n {
			j.run(j.input[i%len(j.input)])
		}
		if took := now() - start; took >= pass/2 {
			j.times = append(j.times, took/time.Duration(j.n))
			j.n = int(float64(j.n) * float64(pass) / float64(took))
			return
		}
	}
}

func (r ratio) all() []float64 {
	var all []float64
	for i := range r.job.times {
		a, b := float64(r.job.times[i]), float64(r.against.times[i])
		if r.perByte {
			a, b = a/float64(meanSize(r.job.input)), b/float64(meanSize(r.against.input))
		}
		all = append(all, a/b)
	}
	slices.Sort(all)
	return all
}

func median[T cmp.Ordered](all []T) T {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}

func meanSize(input [][]byte) int {
	total := 0
	for _, data := range input {
		total += len(data)
	}
	return total / len(input)
}

// keep makes the compiler believe that b is read.
//
//go:noinline
func keep(b []byte) { runtime.KeepAlive(b) }
