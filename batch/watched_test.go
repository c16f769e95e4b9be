package batch

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch/internal/splice"
)

// What the index knows of context and device_info is no reason to miss anything.
func TestBatch_At_watched(t *testing.T) {
	set := func(text, path string) edit { return edit{text, path} }
	remove := func(path string) edit { return edit{"", path} }
	type edits = []edit
	for _, tt := range []struct {
		name, text string
		edits      edits  // made before
		want       string // once context.location is removed
	}{
		{"alone", `{"context":{"location":1}}`, nil, `{"context":{}}`},
		{"first", `{"context":{"location":{"a":1},"a":2}}`, nil, `{"context":{"a":2}}`},
		{"in the middle", `{"context":{"a":1,"location":2,"b":3}}`, nil, `{"context":{"a":1,"b":3}}`},
		{"last", `{"context":{"a":1,"location":2}}`, nil, `{"context":{"a":1}}`},
		{"white space, first", `{ "context" : { "location" : 1 , "a" : 2 } }`, nil, `{ "context" : { "a" : 2 } }`},
		{"white space, in the middle", "{ \"context\" : { \"a\" : 1\t,\n\"location\"\r: 2 , \"b\" : 3 } }", nil, `{ "context" : { "a" : 1 , "b" : 3 } }`},
		{"white space, last", "{ \"context\" :\n{ \"a\" : 1\t, \"location\"\r:\n [ 2 ] } }", nil, "{ \"context\" :\n{ \"a\" : 1 } }"},
		{"behind text that looks like it", `{"context":{"a":"{\",\"location\":1 ,","location":2}}`, nil, `{"context":{"a":"{\",\"location\":1 ,"}}`},
		{"escaped", `{"c\u006fntext":{"a":1,"l\u006fcation":2,"b":3}}`, nil, `{"c\u006fntext":{"a":1,"b":3}}`},
		{"repeated", `{"context":{"location":1,"a":2,"location":3,"loc\u0061tion":4}}`, nil, `{"context":{"a":2}}`},
		{"repeated context", `{"context":{"location":1},"c\u006fntext":{"location":2}}`, nil, `{"context":{},"c\u006fntext":{}}`},
		{"repeated context, not in the last", `{"context":{"location":1},"context":{}}`, nil, `{"context":{},"context":{}}`},
		{"repeated context, the last no object", `{"context":{"location":1},"context":null}`, nil, `{"context":{},"context":null}`},
		{"repeated context, the first no object", `{"context":[{"location":1}],"context":{"location":2}}`, nil, `{"context":[{"location":1}],"context":{}}`},
		{"an array", `{"context":[{"location":1}]}`, nil, `{"context":[{"location":1}]}`},
		{"null", `{"context":null}`, nil, `{"context":null}`},
		{"empty", `{"context":{ }}`, nil, `{"context":{ }}`},
		{"nothing there", `{"a":1}`, nil, `{"a":1}`},
		{"further in", `{"context":{"context":{"location":1},"a":[{"location":2}]}}`, nil, `{"context":{"context":{"location":1},"a":[{"location":2}]}}`},
		{"elsewhere", `{"location":1,"device_info":{"location":2},"a":{"location":3}}`, nil, `{"location":1,"device_info":{"location":2},"a":{"location":3}}`},
		{"beside events", `{"context":{"location":1},"events":[{"event_type":"x","context":{"location":2}}],"device_info":{}}`, nil, `{"context":{},"events":[{"event_type":"x","context":{"location":2}}],"device_info":{}}`},
		{"behind events", `{"events":[{"event_type":"x"} ],"context":{"a":1,"location":1}}`, nil, `{"events":[{"event_type":"x"} ],"context":{"a":1}}`},

		{"removed", `{"context":{"a":1,"location":2}}`, edits{remove("context.location")}, `{"context":{"a":1}}`},
		{"set", `{"context":{"a":1,"location":2}}`, edits{set("3", "context.location")}, `{"context":{"a":1}}`},
		{"set, repeated", `{"context":{"location":1,"location":2,"a":1}}`, edits{set("3", "context.location")}, `{"context":{"a":1}}`},
		{"set below", `{"context":{"a":1,"location":{"b":2}}}`, edits{set("3", "context.location.b")}, `{"context":{"a":1}}`},
		{"added", `{"context":{"a":1 }}`, edits{set("3", "context.location")}, `{"context":{"a":1 }}`},
		{"added to an empty one", `{"context":{ }}`, edits{set("3", "context.location")}, `{"context":{ }}`},
		{"added beside it", `{"context":{"location":1}}`, edits{set("3", "context.a")}, `{"context":{"a":3}}`},
		{"removed and added", `{"context":{"location":1,"a":2}}`, edits{remove("context.location"), set("3", "context.location")}, `{"context":{"a":2}}`},
		{"removed beside it", `{"context":{"a":1,"location":2,"b":3}}`, edits{remove("context.a"), remove("context.b")}, `{"context":{}}`},
		{"edits around context", `{"a":1,"context":{"location":2},"b":3}`, edits{remove("a"), remove("b"), set("4", "c")}, `{"context":{},"c":4}`},
		{"context set", `{"context":{"location":1}}`, edits{set(`{"a":1,"location":2}`, "context")}, `{"context":{"a":1}}`},
		{"context set, repeated", `{"context":{"location":1},"context":{}}`, edits{set(`{"a":1,"location":2}`, "context")}, `{"context":{"a":1}}`},
		{"context removed", `{"context":{"location":1}}`, edits{remove("context")}, `{}`},
		{"context removed and added", `{"context":{"location":1},"a":2}`, edits{remove("context"), set("1", "context.location")}, `{"a":2,"context":{}}`},
		{"context added", `{"a":2}`, edits{set("1", "context.location")}, `{"a":2,"context":{}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			checkWatched(t, tt.text, tt.edits, tt.want, "context", "location")
			swap := strings.NewReplacer("device_info", "context", "context", "device_info", `c\u006fntext`, `device_inf\u006f`,
				"location", "device", `l\u006fcation`, `d\u0065vice`, `loc\u0061tion`, `devi\u0063e`)
			edits := slices.Clone(tt.edits)
			for i, e := range edits {
				edits[i] = edit{swap.Replace(e.text), swap.Replace(e.path)}
			}
			checkWatched(t, swap.Replace(tt.text), edits, swap.Replace(tt.want), "device_info", "device")
		})
	}
}

// An edit sets the value at a path of names with dots between to what text says,
// or removes it when that is empty.
type edit struct{ text, path string }

func (e edit) make(t *testing.T, b *Batch) {
	v := b.At(strings.Split(e.path, ".")...)
	if e.text == "" {
		require.NoError(t, v.Remove())
	} else {
		require.NoError(t, v.Set(json.RawMessage(e.text)))
	}
}

// checkWatched makes the edits and then removes what is at the path.
func checkWatched(t *testing.T, text string, edits []edit, want string, path ...string) {
	t.Helper()
	unedited := parsed(t, text)
	b := unedited.Clone()
	for _, e := range edits {
		e.make(t, b)
	}
	before := string(b.AppendJSON(nil))
	c := b.Clone()
	for range 2 {
		require.NoError(t, c.At(path...).Remove())
		assert.Equal(t, want, string(c.AppendJSON(nil)))
		assert.Equal(t, len(want), c.Size())
	}
	assert.Equal(t, before, string(b.AppendJSON(nil)), "the batch that was cloned")
	require.NoError(t, slow(b.At(path...)).Remove())
	assert.Equal(t, want, string(b.AppendJSON(nil)), "by the slow way")
	assert.Equal(t, text, string(unedited.AppendJSON(nil)), "the unedited batch")

	_, _ = c.At(path...).Set(0), b.At(path...).Set(0)
	assert.Equal(t, string(b.AppendJSON(nil)), string(c.AppendJSON(nil)), "set again")
}

// The index is of use in a batch that was edited elsewhere, and only as long as
// no edit has made it useless.
func TestContent_removeIndexed(t *testing.T) {
	const text = `{"events":[{"event_type":"x"}],"a":1,"context":{"location":2,"b":3},"device_info":{"device":1}}`
	for name, tt := range map[string]struct {
		edits []edit
		done  bool
	}{
		"nothing":         {nil, true},
		"beside it":       {[]edit{{"", "a"}, {"2", "c"}, {"", "device_info"}}, true},
		"removed":         {[]edit{{"", "context.location"}}, false},
		"set":             {[]edit{{"1", "context.location"}}, false},
		"in it":           {[]edit{{"", "context.b"}}, false},
		"added to it":     {[]edit{{"1", "context.c"}}, false},
		"context set":     {[]edit{{"{}", "context"}}, false},
		"context removed": {[]edit{{"", "context"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := parsed(t, text)
			for _, e := range tt.edits {
				e.make(t, b)
			}
			assert.Equal(t, tt.done, b.removeIndexed(fromBatch, []string{"context", "location"}, splice.Position{}))
		})
	}
}

// TestBatch_At_likeSlow makes many random edits with the index and without.
func TestBatch_At_likeSlow(t *testing.T) {
	for seed := range seeds(4000) {
		rng := rand.New(rand.NewPCG(seed, 6))
		r := newRace(t, oddWatched(rng))
		for range rng.IntN(12) {
			r.stepBatch(rng)
		}
	}
}

var watchedPaths = [][]string{
	{"context", "location"}, {"device_info", "device"}, {"context", "location"}, {"device_info", "device"}, {"context"}, {"device_info"},
	{"context", "a"}, {"device_info", "b"}, {"context", "device"}, {"context", "location", "a"}, {"a"}, {"context", "context", "location"},
}

// stepBatch edits both at a path from the batch.
func (r *race) stepBatch(c chooser) {
	op, path := c.IntN(10), watchedPaths[c.IntN(len(watchedPaths))]
	r.log = append(r.log, fmt.Sprintf("op %d at %q", op, path))
	r.edit(c, op, r.fast.At(path...), slow(r.slow.At(path...)))
	for _, path := range watchedPaths {
		if got, want := everything(r.fast.At(path...)), everything(slow(r.slow.At(path...))); got != want {
			r.t.Fatalf("at %q: got %s, want %s\n%s", path, got, want, strings.Join(r.log, "\n"))
		}
	}
	require.Equal(r.t, string(r.slow.AppendJSON(nil)), string(r.fast.AppendJSON(nil)), "%s", strings.Join(r.log, "\n"))
}

// What notes of the end of a member say is what reading it says.
func TestParse_entrySpans(t *testing.T) {
	seen := 0
	check := func(text []byte, w *watchedObject) {
		if w.end == 0 || w.value == 0 || w.value.repeated() {
			return
		}
		prev, ok := w.beforeMember()
		require.True(t, ok)
		seen++
		var doc splice.Document
		doc.SetText(text)
		c := cursor{doc: &doc, object: true, end: w.at.offset() + 1}
		for c.scan() && c.value != w.value.offset() {
		}
		require.Equal(t, []int{c.prev, c.value, c.end}, []int{prev, w.value.offset(), int(w.valueEnd)}, "%s", text)
	}
	for seed := range seeds(4000) {
		rng := rand.New(rand.NewPCG(seed, 7))
		b := mustParse(oddWatched(rng))
		check(b.base.Text(), &b.context)
		check(b.base.Text(), &b.device)
		b = mustParse(oddEvents(rng))
		for i := range b.events {
			check(b.base.Text(), &b.events[i].data)
		}
	}
	assert.Greater(t, seen, 200)
}

// So much space around a name that its length is not noted down is cut as well.
func TestBatch_At_watchedMuchSpace(t *testing.T) {
	for _, n := range []int{65_500, 65_521, 65_522, 65_523, 65_524, 65_525, 65_526, 70_000, 131_060} {
		space := strings.Repeat(" ", n)
		for _, member := range []string{space + `"location":{}`, `"location":` + space + `{}`, space + `"location"` + space + `:{}`} {
			b := parsed(t, `{"context":{"a":1,`+member+`},"events":[{"data":{"a":1,`+member+`},"event_type":"x"}]}`)
			require.NoError(t, b.At("context", "location").Remove())
			require.NoError(t, (Event{b, 0}).At("data", "location").Remove())
			assert.Equal(t, `{"context":{"a":1},"events":[{"data":{"a":1},"event_type":"x"}]}`, string(b.AppendJSON(nil)), n)
		}
	}
}
