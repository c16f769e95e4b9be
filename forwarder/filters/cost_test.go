package filters_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/filters"
	"github.com/eventferry/eventferry/forwarder/internal/testbatch"
	"github.com/eventferry/eventferry/settings"
)

// passes is how often each job is measured. All jobs take turns, so that other work
// on the machine meets all of them alike.
const passes = 21

// BenchmarkCost prints what the filters cost in one batch of ten events and about
// 9.5 KB, against the way of the batch without them: parse, clone, drop and cut what
// is off by default, append; and against that way without parsing.
//
//	go test -run '^$' -bench Cost ./forwarder/filters
//
// It asserts nothing: a busy machine makes any time true. Each figure is the median
// of passes. The floors are what the filters cannot do without: see floors.
//
// The bars are Consent and Environment 1.10, DataPlan 1.6, Pseudonymize 1.3, against
// the way without parsing. Ratios on two busy cores of an AMD EPYC (amd64, SHA-NI),
// with parsing in both terms and without:
//
//	                              with parsing    without        bar met
//	consent and environment       1.00 to 1.03    1.01 to 1.18   yes
//	data plan of 200 points       1.48 to 1.52    2.8 to 3.4     with parsing only
//	  floor: data, walked         1.57 to 1.80    2.9 to 4.6
//	  floor: data, read           1.37 to 1.41    2.4 to 2.8
//	pseudonyms of two identities  1.26 to 1.27    1.9 to 2.2     with parsing only
//	  floor: pseudonyms, bare     1.10 to 1.13    1.40 to 1.67
//	  floor: two HMACs by crypto  1.00 to 1.04    1.00 to 1.22
//
// Without parsing the other term is a clone and a copy of the batch, some 1.1 µs,
// neither of which looks at any byte. DataPlan cannot be at 1.6 of that: it must see
// the names of all members of the events' data, as one that is repeated blocks. The
// mere walk over them by name takes three times what the bar allows. Comparing
// them with those of other events takes less, and is most of what is left.
//
// Pseudonymize cannot be at 1.3 of it either: that leaves 0.35 µs, and the bare loop
// over one list of two identities, which finds them, makes the HMACs and writes the
// list, takes 0.6 µs. Of what the filter takes, by
//
//	go test -run '^$' -bench Cost -benchtime 3x -cpuprofile cpu.out ./forwarder/filters
//
// the two HMACs are a fifth and the two edits six tenths, half of them to search the
// identity's object for other members of that name.
// Tried: one edit of the whole list takes 1.3 µs (1.25 with parsing, 2.3 without), but
// only for a list without anything odd in it, which would be a second way to do the same.
func BenchmarkCost(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	bt := typical(b)
	all := costly(b)
	maps.Copy(all, floors())
	names := slices.Sorted(maps.Keys(all))
	times := map[string][]time.Duration{}
	var parsing []time.Duration
	data := bt.AppendJSON(nil)
	for b.Loop() {
		for range passes {
			parsing = append(parsing, timeOfParse(b, data))
			for _, name := range names {
				times[name] = append(times[name], timeOf(b, all[name], bt))
			}
		}
	}
	b.ReportMetric(0, "ns/op") // of no meaning here
	var table strings.Builder
	for _, name := range names {
		var ratios, parsed []float64
		for i, t := range times[name] {
			ratios = append(ratios, float64(t)/float64(times[without][i]))
			parsed = append(parsed, float64(t+parsing[i])/float64(times[without][i]+parsing[i]))
		}
		slices.Sort(ratios)
		slices.Sort(parsed)
		sorted := slices.Sorted(slices.Values(times[name]))
		fmt.Fprintf(&table, "  %-30s %7.2f µs   ratio %.2f (quartiles %.2f to %.2f), without parsing %.2f\n", name, float64(sorted[len(ratios)/2])/1000,
			parsed[len(ratios)/2], parsed[len(ratios)/4], parsed[len(ratios)*3/4], ratios[len(ratios)/2])
	}
	fmt.Fprintf(os.Stdout, "\n%d interleaved passes, %s of one batch of %d bytes\n%s", len(times[without]), clock, bt.Size(), &table)
}

const without = "(no filter)"

func timeOfParse(tb testing.TB, data []byte) time.Duration {
	const n = 1000
	start := now()
	for range n {
		if _, err := batch.Parse(data); err != nil {
			tb.Fatal(err)
		}
	}
	return (now() - start) / n
}

// timeOf returns what one batch takes with the filter.
func timeOf(tb testing.TB, f batch.Filter, bt *batch.Batch) time.Duration {
	const n = 2000 // about 10 ms: getrusage counts in microseconds
	start := now()
	for range n {
		own := bt.Clone()
		own.DropTypes("off", func(t string) bool { return !batch.IsForwarded(t) })
		own.DropTypes("off", func(t string) bool { return t == batch.UserAttributeChange })
		own.DropTypes("off", func(t string) bool { return t == batch.UserIdentityChange })
		if err := f.Filter(tb.Context(), own); err != nil {
			tb.Fatal(err)
		}
		_ = own.At(mpDeviceID...).Remove()
		_ = own.At(contextLocation...).Remove()
		sink(own.AppendJSON(make([]byte, 0, own.Size())))
	}
	return (now() - start) / n
}

var mpDeviceID, contextLocation = []string{"mp_deviceid"}, []string{"context", "location"}

// sink makes the compiler believe that b is read.
//
//go:noinline
func sink(b []byte) { runtime.KeepAlive(b) }

// typical is a batch of ten events and about 9.5 KB, in production, with consent
// and a reference to plan p.
func typical(tb testing.TB) *batch.Batch {
	data := testbatch.Batches(1, 10, 2)[0]
	for pattern, text := range map[string]string{
		`"consent_state":null`:   `"consent_state":{"gdpr":{"analytics":{"consented":true,"timestamp_unixtime_ms":"1523039002083"}},"ccpa":{"data_sale_opt_out":{"consented":false}}}`,
		`"environment":"[a-z]+"`: `"environment":"production"`,
		`"plan_id":"[a-z_]+"`:    `"plan_id":"p"`,
	} {
		data = regexp.MustCompile(pattern).ReplaceAll(data, []byte(text))
	}
	b, err := batch.Parse(data)
	require.NoError(tb, err)
	return b
}

// costly are the filters whose cost is measured, each on a typical batch, of which
// they keep everything.
func costly(tb testing.TB) map[string]batch.Filter {
	attributes := map[string][]string{} // by data point
	for _, e := range typical(tb).Events() {
		kind, _ := e.At("data", "custom_event_type").Text()
		screen, _ := e.At("data", "screen_name").Text()
		match := ""
		switch e.Type() {
		case batch.CustomEvent:
			match = fmt.Sprintf(`{"type":"custom_event","criteria":{"event_name":%q,"custom_event_type":%q}}`, e.Name(), kind)
		case batch.ScreenView:
			match = fmt.Sprintf(`{"type":"screen_view","criteria":{"screen_name":%q}}`, screen)
		case batch.CommerceEvent:
			match = `{"type":"product_action","criteria":{"action":"purchase"}}`
		default:
			continue
		}
		for name := range e.At("data", "custom_attributes").All() {
			attributes[match] = append(attributes[match], name)
		}
	}
	var points []string
	for match, names := range attributes {
		slices.Sort(names)
		points = append(points, fmt.Sprintf(`{"match":%s,"validator":{"type":"json_schema","definition":{"properties":{"data":{"properties":{"custom_attributes":%s}}}}}}`,
			match, closedTo(slices.Compact(names)...)))
	}
	for i := len(points); i < 200; i++ {
		points = append(points, point(fmt.Sprintf("event %d", i), "a", "b", "c", "d"))
	}
	key := filters.Key{ID: "k1", Secret: settings.NewSecret("0123456789abcdef0123456789abcdef")}
	return map[string]batch.Filter{
		without:                        batch.FilterFunc(nothing),
		"consent and environment":      both{filters.Environment("production"), filters.Consent(filters.GDPR("analytics"), filters.CCPA())},
		"data plan of 200 points":      filters.DataPlan(planOf(points...), filters.Events|filters.EventAttributes|filters.UserAttributes),
		"pseudonyms of two identities": filters.Pseudonymize(key, filters.Identities("email", "customer_id")),
	}
}

// floors are what the filters cannot do without, and nothing else: reading the data
// of the events, name by name or as the reader of DataPlan does, and two HMACs.
func floors() map[string]batch.Filter {
	read := filters.ReadEvents()
	mac := hmac.New(sha256.New, []byte("0123456789abcdef0123456789abcdef"))
	bare := filters.NewBarePseudonymizer("0123456789abcdef0123456789abcdef")
	var sum [sha256.Size]byte
	identity := []byte("user969913@example.com")
	filter := func(do func(b *batch.Batch)) batch.Filter {
		return batch.FilterFunc(func(_ context.Context, b *batch.Batch) error {
			do(b)
			return nil
		})
	}
	return map[string]batch.Filter{
		"floor: data of events, walked": filter(filters.WalkEvents),
		"floor: data of events, read":   filter(read),
		"floor: pseudonyms, bare": filter(func(b *batch.Batch) {
			sink(bare.AppendIdentities(make([]byte, 0, 512), b, "k1", "email", "customer_id"))
		}),
		"floor: two HMACs by crypto": filter(func(*batch.Batch) {
			for range 2 {
				mac.Reset()
				mac.Write(identity)
				mac.Sum(sum[:0])
			}
		}),
	}
}

// The bare floor of pseudonyms writes what the filter does.
func TestCost_floor(t *testing.T) {
	b := typical(t)
	own := b.Clone()
	require.NoError(t, costly(t)["pseudonyms of two identities"].Filter(t.Context(), own))
	bare := filters.NewBarePseudonymizer("0123456789abcdef0123456789abcdef").AppendIdentities(nil, b, "k1", "email", "customer_id")
	assert.Equal(t, string(own.At("user_identities").Raw()), string(bare))
	assert.NotEqual(t, string(b.At("user_identities").Raw()), string(bare))
}

// Allocations do not depend on the machine, so they are exact: what a batch keeps
// costs none, and an edit those of package batch.
func TestCost_allocations(t *testing.T) {
	all := costly(t)
	b := typical(t)
	for name, want := range map[string]int{
		without:                        0,
		"consent and environment":      0,
		"data plan of 200 points":      0,
		"pseudonyms of two identities": 2,
	} {
		got := leastAllocations(func() { _ = all[name].Filter(t.Context(), b.Clone()) }) - leastAllocations(func() { b.Clone() })
		assert.LessOrEqual(t, got, want, name)
	}
	sample := filters.Sample(1, "salt")
	login := filters.LoggedIn("email")
	attribute := filters.Attribute("x", "y", filters.DoNotForward)
	for name, f := range map[string]batch.Filter{"sample": sample, "login": login, "attribute": attribute} {
		assert.LessOrEqual(t, leastAllocations(func() { _ = f.Filter(t.Context(), b) }), 2, name)
	}
}

// leastAllocations is what f allocates at best: the garbage collector empties pools
// now and then, and the race detector does.
func leastAllocations(f func()) int {
	least := testing.AllocsPerRun(1, f)
	for range 50 {
		least = min(least, testing.AllocsPerRun(1, f))
	}
	return int(least)
}
