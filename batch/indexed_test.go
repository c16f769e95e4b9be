package batch

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// slow is the value without the help of the index.
func slow(v Value) Value {
	v.from = elsewhere
	return v
}

// What the index knows of data is no reason to miss anything.
func TestEvent_At_data(t *testing.T) {
	set := func(x any, path ...string) func(*testing.T, *Batch, Event) {
		return func(t *testing.T, _ *Batch, e Event) { require.NoError(t, e.At(path...).Set(x)) }
	}
	remove := func(path ...string) func(*testing.T, *Batch, Event) {
		return func(t *testing.T, _ *Batch, e Event) { require.NoError(t, e.At(path...).Remove()) }
	}
	type edits = []func(*testing.T, *Batch, Event)
	object := json.RawMessage(`{"location":{"a":1},"b":2}`)
	for _, tt := range []struct {
		name, event string
		edits       edits  // made before
		read        string // at data.location then
		want        string // once that is removed
	}{
		{"alone", `{"data":{"location":1},"event_type":"x"}`, nil, `1`, `{"data":{},"event_type":"x"}`},
		{"first", `{"data":{"location":1,"a":2},"event_type":"x"}`, nil, `1`, `{"data":{"a":2},"event_type":"x"}`},
		{"in the middle", `{"data":{"a":1,"location":2,"b":3},"event_type":"x"}`, nil, `2`, `{"data":{"a":1,"b":3},"event_type":"x"}`},
		{"last", `{"data":{"a":"1","location":2},"event_type":"x"}`, nil, `2`, `{"data":{"a":"1"},"event_type":"x"}`},
		{"white space, first", `{ "data" : { "location" : 1 , "a" : 2 } , "event_type" : "x" }`, nil, `1`, `{ "data" : { "a" : 2 } , "event_type" : "x" }`},
		{"white space, last", "{ \"data\" :\n{ \"a\" : 1\t, \"location\"\r:\n 2 } , \"event_type\" : \"x\" }", nil, `2`, `{ "data" :` + "\n" + `{ "a" : 1 } , "event_type" : "x" }`},
		{"behind text that looks like it", `{"data":{"a":"\",\"location\":1,{","location":2},"event_type":"x"}`, nil, `2`, `{"data":{"a":"\",\"location\":1,{"},"event_type":"x"}`},
		{"null", `{"data":{"location":null},"event_type":"x"}`, nil, `null`, `{"data":{},"event_type":"x"}`},
		{"an object", `{"data":{"location":{"location":[{}]},"a":{"location":1}},"event_type":"x"}`, nil, `{"location":[{}]}`, `{"data":{"a":{"location":1}},"event_type":"x"}`},
		{"an array", `{"data":{"location":["]",[]]},"event_type":"x"}`, nil, `["]",[]]`, `{"data":{},"event_type":"x"}`},
		{"a string", `{"data":{"location":"\"}"},"event_type":"x"}`, nil, `"\"}"`, `{"data":{},"event_type":"x"}`},
		{"true", `{"data":{"location":true , "a":1},"event_type":"x"}`, nil, `true`, `{"data":{ "a":1},"event_type":"x"}`},
		{"escaped names", `{"d\u0061ta":{"a":1,"loc\u0061tion":2},"event_type":"x"}`, nil, `2`, `{"d\u0061ta":{"a":1},"event_type":"x"}`},
		{"nested", `{"data":{"data":{"location":1},"a":[{"location":2}]},"location":3,"event_type":"x"}`, nil, ``, `{"data":{"data":{"location":1},"a":[{"location":2}]},"location":3,"event_type":"x"}`},
		{"names as long", `{"data":{"locatioN":1,"Location":2,"location ":3},"event_type":"x"}`, nil, ``, `{"data":{"locatioN":1,"Location":2,"location ":3},"event_type":"x"}`},
		{"repeated", `{"data":{"location":1,"a":2,"location":3,"loc\u0061tion":4},"event_type":"x"}`, nil, `4`, `{"data":{"a":2},"event_type":"x"}`},
		{"repeated data", `{"data":{"location":1},"event_type":"x","d\u0061ta":{"location":2}}`, nil, `2`, `{"data":{},"event_type":"x","d\u0061ta":{}}`},
		{"repeated data, not in the last", `{"data":{"location":1},"data":{"a":2},"event_type":"x"}`, nil, ``, `{"data":{},"data":{"a":2},"event_type":"x"}`},
		{"repeated data, the last no object", `{"data":{"location":1},"data":null,"event_type":"x"}`, nil, ``, `{"data":{},"data":null,"event_type":"x"}`},
		{"data an array", `{"data":[{"location":1}],"event_type":"x"}`, nil, ``, `{"data":[{"location":1}],"event_type":"x"}`},
		{"no data", `{"location":1,"event_type":"x"}`, nil, ``, `{"location":1,"event_type":"x"}`},

		{"set", `{"data":{"location":1,"a":2},"event_type":"x"}`, edits{set(3, "data", "location")}, `3`, `{"data":{"a":2},"event_type":"x"}`},
		{"set twice", `{"data":{"location":1,"a":2},"event_type":"x"}`, edits{set(3, "data", "location"), set(4, "data", "location")}, `4`, `{"data":{"a":2},"event_type":"x"}`},
		{"set, repeated", `{"data":{"location":1,"location":2},"event_type":"x"}`, edits{set(3, "data", "location")}, `3`, `{"data":{},"event_type":"x"}`},
		{"set below", `{"data":{"location":{"a":1}},"event_type":"x"}`, edits{set(3, "data", "location", "b")}, `{"a":1,"b":3}`, `{"data":{},"event_type":"x"}`},
		{"removed below", `{"data":{"location":{"a":1,"b":2}},"event_type":"x"}`, edits{remove("data", "location", "a")}, `{"b":2}`, `{"data":{},"event_type":"x"}`},
		{"added", `{"data":{"a":1 },"event_type":"x"}`, edits{set(2, "data", "location")}, `2`, `{"data":{"a":1 },"event_type":"x"}`},
		{"added to an empty object", `{"data":{ },"event_type":"x"}`, edits{set(2, "data", "location")}, `2`, `{"data":{ },"event_type":"x"}`},
		{"added beside it", `{"data":{"location":1},"event_type":"x"}`, edits{set(2, "data", "a")}, `1`, `{"data":{"a":2},"event_type":"x"}`},
		{"removed", `{"data":{"location":1,"a":2},"event_type":"x"}`, edits{remove("data", "location")}, ``, `{"data":{"a":2},"event_type":"x"}`},
		{"removed and added", `{"data":{"location":1,"a":2},"event_type":"x"}`, edits{remove("data", "location"), set(3, "data", "location")}, `3`, `{"data":{"a":2},"event_type":"x"}`},
		{"removed, added and removed", `{"data":{"location":1,"a":2},"event_type":"x"}`, edits{remove("data", "location"), set(3, "data", "location"), remove("data", "location")}, ``, `{"data":{"a":2},"event_type":"x"}`},
		{"neighbours removed", `{"data":{"a":1,"location":2,"b":3},"event_type":"x"}`, edits{remove("data", "b"), remove("data", "a")}, `2`, `{"data":{},"event_type":"x"}`},
		{"one of several removed", `{"data":{"location":1,"location":2,"a":3},"event_type":"x"}`, edits{func(t *testing.T, _ *Batch, e Event) {
			for name, v := range e.At("data").All() {
				if raw := string(v.Raw()); name == "location" && raw == "2" {
					v.cut() // as no method does
				}
			}
		}}, `1`, `{"data":{"a":3},"event_type":"x"}`},
		{"data set", `{"data":{"a":0},"event_type":"x"}`, edits{set(object, "data")}, `{"a":1}`, `{"data":{"b":2},"event_type":"x"}`},
		{"data set, and had one", `{"data":{"location":0},"event_type":"x"}`, edits{set(object, "data")}, `{"a":1}`, `{"data":{"b":2},"event_type":"x"}`},
		{"data set to null", `{"data":{"location":0},"event_type":"x"}`, edits{set(nil, "data")}, ``, `{"data":null,"event_type":"x"}`},
		{"data that was null", `{"data":null,"event_type":"x"}`, edits{set(1, "data", "location")}, `1`, `{"data":{},"event_type":"x"}`},
		{"data added", `{"event_type":"x" }`, edits{set(1, "data", "location")}, `1`, `{"event_type":"x","data":{} }`},
		{"data removed", `{"data":{"location":1},"event_type":"x"}`, edits{remove("data")}, ``, `{"event_type":"x"}`},
		{"data removed and added", `{"data":{"location":1},"event_type":"x"}`, edits{remove("data"), set(object, "data")}, `{"a":1}`, `{"event_type":"x","data":{"b":2}}`},
		{"retyped", `{"data":{"location":1},"event_type":"x"}`, edits{set("y", "event_type")}, `1`, `{"data":{},"event_type":"y"}`},
		{"dropped", `{"data":{"location":1},"event_type":"x"}`, edits{func(_ *testing.T, b *Batch, e Event) {
			b.DropEvents("test", func(other Event) bool { return other == e })
		}}, ``, ``},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const other = `{"data":{"location":0},"event_type":"z"}`
			text := func(event string) string {
				if event == "" {
					return `{"events":[` + other + `,` + other + `]}`
				}
				return `{"events":[` + other + `,` + event + `,` + other + `]}`
			}
			unedited := parsed(t, text(tt.event))
			b := unedited.Clone()
			var e Event
			for i, event := range b.Events() {
				if i == 1 {
					e = event
				}
			}
			for _, edit := range tt.edits {
				edit(t, b, e)
			}
			v, before := e.At("data", "location"), string(b.AppendJSON(nil))
			assert.Equal(t, tt.read, string(v.Raw()))
			assert.Equal(t, tt.read, string(slow(v).Raw()), "by the slow way")

			c := b.Clone()
			for range 2 {
				require.NoError(t, (Event{c, e.i}).At("data", "location").Remove())
				assert.Equal(t, text(tt.want), string(c.AppendJSON(nil)))
				assert.Equal(t, len(text(tt.want)), c.Size())
			}
			assert.Equal(t, before, string(b.AppendJSON(nil)), "the batch that was cloned")
			require.NoError(t, slow(v).Remove())
			assert.Equal(t, text(tt.want), string(b.AppendJSON(nil)), "by the slow way")
			assert.Equal(t, text(tt.event), string(unedited.AppendJSON(nil)), "the unedited batch")
		})
	}
}

// The index is of use as long as no edit has made it useless.
func TestContent_resolveLast(t *testing.T) {
	b := parsed(t, `{"events":[{"data":{"a":1,"location":2,"b":3},"event_type":"x"},{"data":{"event_name":"y"},"event_type":"x"}]}`)
	first := func(b *Batch) Event { return Event{b, 0} }
	for name, tt := range map[string]struct {
		edit func(b *Batch) error
		left int // of the path to the location
	}{
		"nothing":           {func(*Batch) error { return nil }, 0},
		"added beside it":   {func(b *Batch) error { return first(b).At("data", "c").Set(1) }, 0},
		"removed beside it": {func(b *Batch) error { return first(b).At("data", "b").Remove() }, 0},
		"set beside data":   {func(b *Batch) error { return first(b).At("a").Set(1) }, 0},
		"set":               {func(b *Batch) error { return first(b).At("data", "location").Set(1) }, 0},
		"set twice": {func(b *Batch) error {
			return errors.Join(first(b).At("data", "location").Set(1), first(b).At("data", "location").Set(2))
		}, 0},
		"removed":      {func(b *Batch) error { return first(b).At("data", "location").Remove() }, 0},
		"added":        {func(b *Batch) error { return Event{b, 1}.At("data", "location").Set(1) }, 1},
		"data set":     {func(b *Batch) error { return first(b).At("data").Set(1) }, 1},
		"data removed": {func(b *Batch) error { return first(b).At("data").Remove() }, 1},
		"data added":   {func(b *Batch) error { return errors.Join(first(b).At("data").Remove(), first(b).At("data").Set(1)) }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			c := b.Clone()
			require.NoError(t, tt.edit(c))
			most := 0
			for _, e := range c.Events() {
				v := e.At("data", "location")
				_, left := v.b.resolveLast(v.root, v.from, v.path)
				most = max(most, len(left))
			}
			assert.Equal(t, tt.left, most)
		})
	}
}

// A race is one batch, twice: in one of them nothing that is done at a path from
// an event has the help of the index.
type race struct {
	t          testing.TB
	fast, slow *Batch
	log        []string
}

func newRace(t testing.TB, data []byte) *race {
	b, err := Parse(data)
	require.NoError(t, err)
	return &race{t: t, fast: b, slow: b.Clone(), log: []string{string(data)}}
}

// step does something to both.
func (r *race) step(c chooser) {
	switch op := c.IntN(10); {
	case op == 0:
		r.log = append(r.log, "clone")
		r.fast, r.slow = r.fast.Clone(), r.slow.Clone()
	case op == 1:
		bits := c.IntN(256)
		r.log = append(r.log, fmt.Sprintf("drop %b", bits))
		drop := func(e Event) bool { return bits>>(e.Index()%8)&1 == 1 }
		require.Equal(r.t, r.slow.DropEvents("test", drop), r.fast.DropEvents("test", drop))
	case op == 2 || len(r.fast.events) == 0:
		r.stepBatch(c)
	default:
		i, path := c.IntN(len(r.fast.events)), dataPaths[c.IntN(len(dataPaths))]
		fast, slow := Event{r.fast, i}.At(path...), slow(Event{r.slow, i}.At(path...))
		r.log = append(r.log, fmt.Sprintf("op %d at %d %q", op, i, path))
		r.edit(c, op, fast, slow)
		r.read(i)
	}
	if got, want := string(r.fast.AppendJSON(nil)), string(r.slow.AppendJSON(nil)); got != want {
		r.t.Fatalf("got  %s\nwant %s\n%s", got, want, strings.Join(r.log, "\n"))
	}
}

func (r *race) edit(c chooser, op int, fast, slow Value) {
	switch {
	case op < 6:
		require.Equal(r.t, slow.Remove(), fast.Remove())
	case op < 9:
		values := []any{nil, 1, "x", json.RawMessage(`{"location":{"a":1},"event_name":"x","location":2}`), json.RawMessage(` { } `)}
		x := values[c.IntN(len(values))]
		require.Equal(r.t, slow.Set(x), fast.Set(x), "%s", strings.Join(r.log, "\n"))
	default: // one of those that All yields
		var values [2][]Value
		for i, v := range []Value{slow, fast} {
			for _, entry := range v.All() {
				values[i] = append(values[i], entry)
			}
		}
		if len(values[0]) > 0 {
			i := c.IntN(len(values[0]))
			require.Equal(r.t, values[0][i].Remove(), values[1][i].Remove())
		}
	}
}

var dataPaths = [][]string{
	{"data", "location"}, {"data", "event_name"}, {"data", "location"}, {"data"}, {"data", "a"}, {"data", "location", "a"},
	{"data", "event_name", "a"}, {"data", "a", "location"}, {"a"}, {"data", "data"}, {"data", "location", "location"}, {},
}

// read compares what reads at all paths from an event, with the index and
// without.
func (r *race) read(i int) {
	for _, path := range dataPaths {
		v := Event{r.fast, i}.At(path...)
		if got, want := everything(v), everything(slow(v)); got != want {
			r.t.Fatalf("at %d %q: got %s, want %s\n%s", i, path, got, want, strings.Join(r.log, "\n"))
		}
	}
}

// run makes so many steps.
func (r *race) run(c chooser, steps int) {
	for range steps {
		r.step(c)
	}
	for i := range r.fast.events {
		r.read(i)
	}
}

// everything writes what reads at v.
func everything(v Value) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%v %q", v.Exists(), v.Raw())
	for name, entry := range v.All() {
		fmt.Fprintf(&s, " %q %q", name, entry.Raw())
	}
	return s.String()
}

// TestEvent_At_likeSlow makes many random edits with the index and without.
func TestEvent_At_likeSlow(t *testing.T) {
	for seed := range seeds(4000) {
		rng := rand.New(rand.NewPCG(seed, 2))
		newRace(t, oddEvents(rng)).run(rng, rng.IntN(12))
	}
}

// The same with the published samples.
func TestEvent_At_samples(t *testing.T) {
	for name, data := range testFiles(t, 13, "batches/*.json") {
		for seed := range uint64(20) {
			rng := rand.New(rand.NewPCG(seed, 3))
			r := newRace(t, data)
			r.log = []string{name}
			r.run(rng, rng.IntN(12))
		}
	}
}

// FuzzIndexed makes the edits that choices says, with the index and without.
func FuzzIndexed(f *testing.F) {
	addBatches(f, func(text string) {
		f.Add([]byte(text), []byte{2, 0, 0, 6, 0, 0, 3, 2, 0, 0})
	})
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 4))
		data, choices := oddEvents(rng), make([]byte, 30)
		if seed%2 == 1 {
			data = oddWatched(rng)
		}
		for i := range choices {
			choices[i] = byte(rng.IntN(256))
		}
		f.Add(data, choices)
	}
	f.Fuzz(func(t *testing.T, data, choices []byte) {
		if len(data) > 1000 || !isBatch(data) {
			return
		}
		c := byteChooser(choices)
		newRace(t, data).run(&c, min(20, len(choices)))
	})
}
