package batch

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// someBatch writes a batch with that many events.
func someBatch(events int) []byte {
	var s strings.Builder
	s.WriteString(`{"events":[`)
	for i := range events {
		if i > 0 {
			s.WriteByte(',')
		}
		eventType := []string{CustomEvent, ScreenView, UserAttributeChange}[i%3]
		fmt.Fprintf(&s, `{"data":{"event_id":"%d","event_name":"name %d","custom_attributes":{"a":"%s"},"location":{"latitude":1.5}},"event_type":%q}`,
			i, i, strings.Repeat("é", 300), eventType)
	}
	s.WriteString(`],"environment":"production","context":{"data_plan":{"plan_id":"x"},"location":{"latitude":1}},"mp_deviceid":"y","mpid":7}`)
	return []byte(s.String())
}

func allocs(f func()) float64 { return testing.AllocsPerRun(100, f) }

func mustParse(data []byte) *Batch {
	b, err := Parse(data)
	if err != nil {
		panic(err)
	}
	return b
}

// What parsing, copying and writing allocate does not depend on the size.
func TestAllocs(t *testing.T) {
	for _, events := range []int{0, 1, 10, 100, 1000} {
		data := someBatch(events)
		b := mustParse(data)
		assert.Equal(t, 3.0, allocs(func() { mustParse(data) }), "Parse, %d events", events)
		assert.Equal(t, 1.0, allocs(func() { b.Clone() }), "Clone, %d events", events)
		assert.Equal(t, 1.0, allocs(func() { b.AppendJSON(nil) }), "AppendJSON, %d events", events)
		dst := make([]byte, 0, len(data))
		assert.Equal(t, 0.0, allocs(func() { b.AppendJSON(dst) }), "AppendJSON into a buffer, %d events", events)
		assert.Equal(t, 0.0, allocs(func() { b.Size() }), "Size, %d events", events)
	}
}

// Looking at types costs nothing, and of the usual edits of a clone only the
// first drop does, for the list of drops: for the others a clone has room.
func TestAllocs_edits(t *testing.T) {
	b := mustParse(someBatch(10))
	assert.Equal(t, 0.0, allocs(func() {
		b.DropEvents("none", func(e Event) bool { return !IsForwarded(e.Type()) })
	}))
	assert.Equal(t, 0.0, allocs(func() {
		_ = b.At("mp_device").Remove()
		_ = b.At("context", "nothing").Remove()
	}))
	assert.Equal(t, 2.0, allocs(func() {
		c := b.Clone()
		c.DropEvents("some", func(e Event) bool { return e.Type() == UserAttributeChange })
		_ = c.At("context", "location").Remove()
		_ = c.At("mp_deviceid").Remove()
	}))
	assert.Equal(t, 2.0, allocs(func() {
		c := b.Clone()
		c.DropTypes("some", func(eventType string) bool { return eventType == UserAttributeChange })
		c.DropTypes("others", func(eventType string) bool { return eventType == ScreenView })
		c.DropTypes("the rest", func(string) bool { return true })
	}))
	assert.Equal(t, 0.0, allocs(func() { b.DropTypes("none", func(eventType string) bool { return !IsForwarded(eventType) }) }))
	assert.Equal(t, 1.0, allocs(func() { _, _ = b.At("environment").Text() }), "the text")
	assert.Equal(t, 10.0, allocs(func() {
		b.DropEvents("none", func(e Event) bool { return e.Name() == "nobody" })
	}), "the texts")
}

// The elements of an array cost nothing, and the members of an object one piece of
// memory to note them down in. A new value is one piece when it is short, and a new
// member is.
func TestAllocs_values(t *testing.T) {
	b := mustParse([]byte(`{"events":[],"list":[{"a":1},{"b":[]}],"object":{"a":1},"x":"old"}`))
	list, object, x, added := []string{"list"}, []string{"object"}, []string{"x"}, []string{"added"}
	count := func(v Value) {
		for _, entry := range v.All() {
			if raw, ok := entry.Sole(); !ok || len(raw) == 0 {
				panic("there is none")
			}
		}
	}
	assert.Equal(t, 0.0, allocs(func() { count(b.At(list...)) }))
	assert.Equal(t, 1.0, allocs(func() { count(b.At(object...)) }), "room for notes")
	for size, want := range map[int]float64{36: 2, 1000: 3} {
		var text any = json.RawMessage(`"` + strings.Repeat("y", size) + `"`)
		assert.Equal(t, want, allocs(func() {
			c := b.Clone()
			if c.At(added...).Set(text) != nil {
				panic("not set")
			}
		}), "the clone, and a member of %d bytes", size)
	}
	for size, want := range map[int]float64{100: 2, 1000: 3} {
		var text any = json.RawMessage(`"` + strings.Repeat("y", size) + `"`)
		assert.Equal(t, want, allocs(func() {
			c := b.Clone()
			if c.At(x...).Set(text) != nil {
				panic("not set")
			}
		}), "the clone, and %d bytes", size)
	}
}

func TestAllocs_split(t *testing.T) {
	b := mustParse(someBatch(10))
	dst := make([]byte, 0, 1<<20)
	b.EventsSize(0, 1)
	assert.Equal(t, 0.0, allocs(func() {
		for i := range b.NumEvents() {
			dst = b.AppendEvents(dst[:0], i, i+1)
		}
	}))
	assert.Equal(t, 0.0, allocs(func() {
		for i := range b.NumEvents() {
			b.EventsSize(0, i)
		}
	}))
}
