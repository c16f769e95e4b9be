package batch

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A drop counts at once: for sizes, and for what is reported, whatever becomes
// of the call that made it.
func TestDropEvents_panics(t *testing.T) {
	b := parsed(t, `{"events":[{"event_type":"a"},{"event_type":"b"},{"event_type":"c"}]}`)
	b.EventsSize(0, 3)
	assert.PanicsWithValue(t, "c", func() {
		b.DropEvents("first", func(e Event) bool {
			if e.Type() == "c" {
				panic("c")
			}
			return e.Type() == "a"
		})
	})
	assert.Equal(t, 2, b.NumEvents())
	assert.Equal(t, `{"events":[{"event_type":"b"},{"event_type":"c"}]}`, string(b.AppendEvents(nil, 0, 2)))
	assert.Equal(t, []DroppedEvents{{"first", 1}}, b.Dropped())
}

func TestDropEvents_looksAtParts(t *testing.T) {
	b := parsed(t, `{"events":[{"event_type":"a"},{"event_type":"b"},{"event_type":"c"}]}`)
	n := b.DropEvents("all", func(Event) bool {
		part := b.AppendEvents(nil, 0, b.NumEvents())
		assert.Equal(t, string(b.AppendJSON(nil)), string(part))
		assert.Equal(t, len(part), b.EventsSize(0, b.NumEvents()))
		return true
	})
	assert.Equal(t, 3, n)
	assert.Equal(t, `{"events":[]}`, string(b.AppendEvents(nil, 0, 0)))
}

// Each call counts what it dropped itself.
func TestDropEvents_nested(t *testing.T) {
	b := parsed(t, `{"events":[{"event_type":"a"},{"event_type":"b"},{"event_type":"c"}]}`)
	n := b.DropEvents("outer", func(outer Event) bool {
		if outer.Type() == "a" {
			b.DropEvents("inner", func(e Event) bool { return e.Type() != "c" })
		}
		return true
	})
	assert.Equal(t, 1, n)
	assert.Equal(t, []DroppedEvents{{"inner", 2}, {"outer", 1}}, b.Dropped())
	assert.Zero(t, b.NumEvents())
}

func TestEvents_dropped(t *testing.T) {
	b := parsed(t, `{"events":[{"event_type":"opt_out","data":{"event_name":"a"}},{"event_type":"b"},{"event_type":"c"}]}`)
	var counts []int
	for i, e := range b.Events() {
		counts = append(counts, i)
		types := []string{"opt_out", "b", "c"}
		assert.Equal(t, types[e.Index()], e.Type())
		b.DropEvents("in its turn", func(d Event) bool { return d.Index() == e.Index() && i < 2 })
		if i < 2 {
			assert.Empty(t, e.Type())
			assert.Empty(t, e.Name())
			assert.False(t, e.At().Exists())
			assert.Equal(t, types[e.Index()], e.ParsedType())
			assert.Equal(t, i, e.Index())
		}
	}
	assert.Equal(t, []int{0, 1, 2}, counts)
	assert.Equal(t, `{"events":[{"event_type":"c"}]}`, string(b.AppendJSON(nil)))
}

func TestBatch_OnDrop(t *testing.T) {
	b, err := Parse([]byte(`{"events":[{"event_type":"opt_out"},{"event_type":"session_end"},{"event_type":"opt_out"},{"event_type":"other"}]}`))
	require.NoError(t, err)
	var told []string
	b.OnDrop(func(reason string, e Event) { told = append(told, fmt.Sprint(reason, " ", e.Index(), " ", e.Type())) })
	b.Clone().DropEvents("in a clone", func(Event) bool { return true })
	b.DropTypes("type", func(name string) bool { return name == OptOut })
	b.DropEvents("rest", func(e Event) bool {
		b.DropEvents("within", func(inner Event) bool { return inner.Index() == e.Index() })
		return true
	})
	assert.Equal(t, []string{"type 0 opt_out", "type 2 opt_out", "within 1 session_end", "within 3 other"}, told)
	assert.Equal(t, []DroppedEvents{{"type", 2}, {"within", 1}, {"within", 1}}, b.Dropped())
}

// However many events there are, each can be dropped.
func TestDropEvents_eachOfMany(t *testing.T) {
	for _, n := range []int{1, 63, 64, 65, 128, 129, 192, 193, 260} {
		for i := range n {
			b := mustParse(someBatch(n))
			assert.Equal(t, 1, b.DropEvents("test", func(e Event) bool { return e.Index() == i }))
			seen := 0
			for _, e := range b.Events() {
				assert.NotEqual(t, i, e.Index())
				seen++
			}
			assert.Equal(t, n-1, seen)
		}
	}
}
