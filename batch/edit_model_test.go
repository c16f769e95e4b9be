package batch

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// A twin is a batch and its model, edited alike.
type twin struct {
	t      testing.TB
	b      *Batch
	m      *node
	events []*node // of the model, as parsed
	held   []held
	forks  map[*Batch]string // batches whose clones are edited, and what they write
	path   []string          // the last one that was made up
	large  bool              // paths lead to members of large objects
	log    []string
}

// A held value was yielded by All some edits ago.
type held struct {
	v      Value
	n      *node
	parent parent
	name   string // of a member
	member bool
}

type parent struct {
	root *node
	path []string
}

// seeds is how many random sequences of edits a test makes: fewer with -short.
func seeds(n uint64) uint64 {
	if testing.Short() {
		return n / 5
	}
	return n
}

func newTwin(t testing.TB, data []byte) *twin {
	b, err := Parse(data)
	require.NoError(t, err)
	m, err := model(data)
	require.NoError(t, err)
	w := &twin{t: t, b: b, m: m, forks: map[*Batch]string{}}
	if list := m.get([]string{"events"}); list != nil {
		w.events = slices.Clone(list.entries)
	}
	return w
}

// check compares what the batch writes with the model.
func (w *twin) check() {
	out := w.b.AppendJSON(nil)
	if !json.Valid(out) || !utf8.Valid(out) {
		w.t.Fatalf("not valid any more: %s\n%s", out, strings.Join(w.log, "\n"))
	}
	got, err := model(out)
	require.NoError(w.t, err)
	if got.String() != w.m.String() {
		w.t.Fatalf("got  %s\nwant %s\n%s", got, w.m, strings.Join(w.log, "\n"))
	}
	if w.b.Size() != len(out) {
		w.t.Fatalf("size %d, written %d\n%s", w.b.Size(), len(out), strings.Join(w.log, "\n"))
	}
	again, err := Parse(out)
	if err != nil {
		w.t.Fatalf("%v\n%s\n%s", err, out, strings.Join(w.log, "\n"))
	}
	if again.NumEvents() != w.b.NumEvents() {
		w.t.Fatalf("%d events, %d written\n%s", w.b.NumEvents(), again.NumEvents(), strings.Join(w.log, "\n"))
	}
	for _, h := range w.held {
		w.checkValue(h.v, w.alive(h.n))
	}
	for b, text := range w.forks {
		if string(b.AppendJSON(nil)) != text {
			w.t.Fatalf("the edit of a clone shows\n%s", strings.Join(w.log, "\n"))
		}
	}
}

// alive returns n if it is still in the model.
func (w *twin) alive(n *node) *node {
	if w.m.holds(n) {
		return n
	}
	return nil
}

func (w *twin) checkValue(v Value, n *node) {
	raw := v.Raw()
	if (n == nil) != (raw == nil) || v.Exists() != (raw != nil) {
		w.t.Fatalf("value %q where there should be %v\n%s", raw, n, strings.Join(w.log, "\n"))
	}
	if n == nil {
		return
	}
	got, err := model(raw)
	if err != nil || got.String() != n.String() {
		w.t.Fatalf("value %q (%v) where there should be %v\n%s", raw, err, n, strings.Join(w.log, "\n"))
	}
}

// A chooser makes the choices of a sequence of edits: by chance, or as the
// bytes of a fuzzer say.
type chooser interface{ IntN(n int) int }

type byteChooser []byte

func (c *byteChooser) IntN(n int) int {
	if len(*c) == 0 {
		return 0
	}
	b := (*c)[0]
	*c = (*c)[1:]
	return int(b) % n
}

func (w *twin) names(c chooser) []string {
	if w.path != nil && c.IntN(2) == 0 {
		return w.path[:1+c.IntN(len(w.path))] // edits of one place are the interesting ones
	}
	path := make([]string, 1+c.IntN(3))
	for i := range path {
		path[i] = []string{"a", "b", "data", "a", "b", "a", "event_type", "events", "mpid", "é\n", "a.b"}[c.IntN(11)]
	}
	if w.large {
		path = [][]string{
			{fmt.Sprint("f", c.IntN(40))}, {"a", fmt.Sprint("f", c.IntN(40))}, {"a", fmt.Sprint("n", c.IntN(60))}, {fmt.Sprint("n", c.IntN(60))},
			{"b", fmt.Sprint("f", c.IntN(40)), "a"}, {"b", "a"}, {"b", fmt.Sprint("n", c.IntN(60))}, {"a", "a"}, {"a"},
		}[c.IntN(90)*c.IntN(2)%9]
	} else if c.IntN(4) == 0 { // the index knows where some are
		path = [][]string{
			{"data", "location"}, {"data", "event_name"}, {"data", "a"},
			{"context", "location"}, {"context", "location"}, {"device_info", "device"}, {"device_info", "device"}, {"context", "a"}, {"device_info"},
		}[c.IntN(9)]
	}
	w.path = path
	return path
}

func (w *twin) step(c chooser) {
	switch c.IntN(12) {
	case 0:
		w.drop(c)
	case 1:
		w.fork()
	default:
		w.edit(c)
	}
}

// edit makes one edit, to both.
func (w *twin) edit(c chooser) {
	root, v, at := w.m, w.b.At(), "batch"
	var h *held
	switch c.IntN(4) {
	case 0:
		if i, e, ok := w.event(c); ok {
			root, v, at = w.events[i], e.At(), fmt.Sprintf("event %d", i)
		}
	case 1:
		if len(w.held) > 0 {
			h = &w.held[c.IntN(len(w.held))]
			root, v, at = h.n, h.v, fmt.Sprintf("held %d (%s)", c.IntN(1), h.v.Raw())
		}
	}
	var path []string
	if h == nil || c.IntN(2) == 0 {
		path = w.names(c)
		v = v.At(path...)
	}
	op := c.IntN(4)
	w.log = append(w.log, fmt.Sprintf("op %d at %s %q", op, at, path))
	switch op {
	case 0:
		w.remove(v, root, path, h)
	case 1, 2:
		values := []any{"x<é>", 12, nil, true, json.RawMessage(`{"a":[{"b":1},null],"b":{},"a":2}`), json.RawMessage("[ ]"), map[string]any{"data": []int{1}}, -1.5}
		w.set(v, root, path, h, values[c.IntN(len(values))])
	case 3:
		w.hold(v, root, path, h)
	}
}

func (w *twin) event(c chooser) (int, Event, bool) {
	if w.b.NumEvents() == 0 {
		return 0, Event{}, false
	}
	pick := c.IntN(w.b.NumEvents())
	for i, e := range w.b.Events() {
		if i == pick {
			return e.Index(), e, true
		}
	}
	w.t.Fatal("fewer events than NumEvents says")
	return 0, Event{}, false
}

func (w *twin) remove(v Value, root *node, path []string, h *held) {
	if v.Remove() != nil || w.alive(root) == nil && path != nil {
		return
	}
	switch {
	case path != nil:
		root.remove(path, nil)
	case h.member && w.alive(h.parent.root) != nil:
		h.parent.root.remove(append(slices.Clip(h.parent.path), h.name), nil)
	case !h.member && w.alive(h.n) != nil:
		for _, p := range h.parent.root.all(h.parent.path) {
			if i := slices.Index(p.entries, h.n); i >= 0 {
				p.delete(i)
			}
		}
	}
	w.check()
	if v.Exists() {
		w.t.Fatalf("removed, and still there\n%s", strings.Join(w.log, "\n"))
	}
}

func (w *twin) set(v Value, root *node, path []string, h *held, x any) {
	before := string(w.b.AppendJSON(nil))
	err := v.Set(x)
	if err != nil {
		require.Equal(w.t, before, string(w.b.AppendJSON(nil)), "an error, and yet a change")
	}
	text, _ := json.Marshal(x)
	value, _ := model(text)
	possible := false
	switch forbidden := w.forbidden(err); {
	case forbidden:
		return
	case path != nil && w.alive(root) != nil:
		possible = root.set(path, value)
	case path != nil:
	case w.alive(h.n) != nil:
		if h.member {
			h.parent.root.remove(append(slices.Clip(h.parent.path), h.name), h.n)
		}
		*h.n, possible = *value, true
	case h.member && w.alive(h.parent.root) != nil:
		possible = h.parent.root.set(append(slices.Clip(h.parent.path), h.name), value)
	}
	if possible != (err == nil) {
		w.t.Fatalf("possible: %v, error: %v\n%s", possible, err, strings.Join(w.log, "\n"))
	}
	w.check()
	once := string(w.b.AppendJSON(nil))
	if err == nil && (path != nil || !h.member || w.alive(h.n) != nil) {
		require.NoError(w.t, v.Set(x))
		require.Equal(w.t, once, string(w.b.AppendJSON(nil)), "set again")
	}
}

func (w *twin) forbidden(err error) bool {
	return slices.Contains([]error{errUserID, errEvents, errEventType, errWhole}, err)
}

// hold keeps what All yields.
func (w *twin) hold(v Value, root *node, path []string, h *held) {
	if w.alive(root) == nil {
		root = &node{}
	}
	parents := root.all(path)
	i := 0
	var want []held
	for _, p := range parents {
		for j, e := range p.entries {
			m := held{n: e, parent: parent{root, path}, member: p.kind == '{'}
			if m.member {
				m.name = p.names[j]
			}
			want = append(want, m)
		}
	}
	for name, entry := range v.All() {
		if i >= len(want) || want[i].name != name {
			w.t.Fatalf("All yields %q unexpectedly\n%s", name, strings.Join(w.log, "\n"))
		}
		want[i].v = entry
		i++
	}
	if i != len(want) {
		w.t.Fatalf("All yields %d of %d\n%s", i, len(want), strings.Join(w.log, "\n"))
	}
	if w.held = append(w.held, want...); len(w.held) > 12 {
		w.held = w.held[len(w.held)-12:]
	}
	w.check()
}

// TestEdit_likeModel makes thousands of random edits to odd batches, some of them
// with a context and a device_info, repeated or not.
func TestEdit_likeModel(t *testing.T) {
	for seed := range seeds(9000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		text := oddBatch
		if seed%3 == 0 {
			text = oddWatched
		}
		w := newTwin(t, text(rng))
		w.log = append(w.log, fmt.Sprintf("seed %d: %s", seed, w.b.AppendJSON(nil)))
		for range 1 + rng.IntN(14) {
			w.step(rng)
		}
		w.parts()
	}
}

// The same with objects so large, and so many edits, that members are looked up
// in an index of the object and among many that were added.
func TestEdit_likeModelLarge(t *testing.T) {
	indexed, many := 0, 0
	for seed := range seeds(50) {
		rng := rand.New(rand.NewPCG(seed, 5))
		w := newTwin(t, oddLarge(rng))
		w.large = true
		w.log = append(w.log, fmt.Sprintf("seed %d: %s", seed, w.b.AppendJSON(nil)))
		for range 120 {
			w.edit(rng)
			if rng.IntN(60) == 0 {
				w.fork()
			}
		}
		if w.b.lookup != nil {
			indexed += len(w.b.lookup.objects)
		}
		if cur := w.b.entries(w.b.root()); len(w.b.members) > 0 {
			for cur.next() {
			}
			if cur.more.Next(0) >= 0 && cur.added >= 16 {
				many++
			}
		}
	}
	require.Positive(t, indexed)
	require.Positive(t, many)
}

func (w *twin) drop(c chooser) {
	bits := c.IntN(256)
	w.log = append(w.log, fmt.Sprintf("drop %b", bits))
	list := w.m.get([]string{"events"})
	w.b.DropEvents("test", func(e Event) bool {
		if bits>>(e.Index()%8)&1 == 0 {
			return false
		}
		i := slices.Index(list.entries, w.events[e.Index()])
		list.delete(i)
		return true
	})
	w.check()
}

// fork goes on with a clone.
func (w *twin) fork() {
	w.log = append(w.log, "fork")
	w.forks[w.b] = string(w.b.AppendJSON(nil))
	w.b, w.held = w.b.Clone(), nil
	w.check()
}

// parts checks that the split carries each event once, in order.
func (w *twin) parts() {
	n := w.b.NumEvents()
	for from := range n + 1 {
		for to := from; to <= n; to++ {
			part := w.b.AppendEvents([]byte("before"), from, to)[len("before"):]
			require.Equal(w.t, len(part), w.b.EventsSize(from, to))
			got, err := model(part)
			require.NoError(w.t, err, "%s", part)
			want := w.m
			if list := w.m.get([]string{"events"}); list != nil && list.kind == '[' {
				all := list.entries
				list.entries = all[from:to]
				require.Equal(w.t, want.String(), got.String())
				list.entries = all
			}
		}
	}
	require.Equal(w.t, string(w.b.AppendJSON(nil)), string(w.b.AppendEvents(nil, 0, n)))
}
