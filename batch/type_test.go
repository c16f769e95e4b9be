package batch

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// asked returns the types that HasType asks for, as long as the answer is no.
func asked(b *Batch) []string {
	var list []string
	b.HasType(func(eventType string) bool {
		list = append(list, eventType)
		return false
	})
	return list
}

func hasType(b *Batch, eventType string) bool {
	return b.HasType(func(other string) bool { return other == eventType })
}

func TestBatch_HasType(t *testing.T) {
	b := parsed(t, `{"events":[{"event_type":"session_start"},{"event_type":"profile"},{"event_type":"session_start"},{"event_type":"opt\u005fout"}]}`)
	assert.Equal(t, []string{"opt_out", "profile", "session_start"}, asked(b), "each once")
	assert.True(t, hasType(b, "opt_out"))
	assert.False(t, hasType(b, "crash_report"))
	b.DropEvents("test", func(e Event) bool { return e.Type() == "profile" })
	assert.False(t, hasType(b, "crash_report"))
	assert.Equal(t, []string{"opt_out", "profile", "session_start"}, asked(b.Clone()), "dropped ones count")
	assert.Empty(t, asked(parsed(t, `{"events":null}`)))
}

func TestBatch_HasType_other(t *testing.T) {
	b := parsed(t, `{"events":[{"event_type":"profile"},{"event_type":"new"},{"event_type":""}]}`)
	for _, eventType := range []string{"profile", "new", ""} {
		assert.True(t, hasType(b, eventType), eventType)
	}
	assert.False(t, hasType(b, "newer"))
	b.DropEvents("test", func(e Event) bool { return e.Type() == "new" })
	assert.False(t, hasType(b, "new"))
}

func TestBatch_HasType_retyped(t *testing.T) {
	b := parsed(t, `{"events":[{"event_type":"profile"},{"event_type":"opt_out"}]}`)
	for _, e := range b.Events() {
		require.NoError(t, e.At("event_type").Set([]string{"crash_report", "new"}[e.Index()]))
	}
	for _, b := range []*Batch{b, b.Clone()} {
		for _, eventType := range []string{"profile", "opt_out", "crash_report", "new"} {
			assert.True(t, hasType(b, eventType), eventType)
		}
		assert.False(t, hasType(b, "first_run"))
	}
	assert.Empty(t, b.Dropped())
}

func TestBatch_RemoveFromEvents(t *testing.T) {
	const text = `{"location":0,"events":[{"location":1,"data":{"location":1},"event_type":"a"},{"data":{"a":1,"location":2},"event_type":"b"},{"event_type":"c"},{"data":{"location":3},"event_type":"d"}]}`
	b := parsed(t, text)
	b.DropEvents("test", func(e Event) bool { return e.Type() == "d" })
	require.NoError(t, b.RemoveFromEvents("data", "location"))
	require.NoError(t, b.RemoveFromEvents("data", "location"))
	assert.Equal(t, `{"location":0,"events":[{"location":1,"data":{},"event_type":"a"},{"data":{"a":1},"event_type":"b"},{"event_type":"c"}]}`, string(b.AppendJSON(nil)))
	require.NoError(t, b.RemoveFromEvents("location"))
	require.NoError(t, b.RemoveFromEvents("data"))
	assert.Equal(t, `{"location":0,"events":[{"event_type":"a"},{"event_type":"b"},{"event_type":"c"}]}`, string(b.AppendJSON(nil)))
	require.ErrorIs(t, b.RemoveFromEvents("event_type"), errEventType)
	require.ErrorIs(t, b.RemoveFromEvents(), errEvents)
	require.NoError(t, parsed(t, `{}`).RemoveFromEvents("event_type"), "from none")
	size := b.Size()
	assert.Equal(t, size, b.EventsSize(0, 3))
}

// What was computed of a batch before is not taken for what it is afterwards.
func TestBatch_RemoveFromEvents_sizes(t *testing.T) {
	b := parsed(t, `{"events":[{"data":{"a":1,"location":2},"event_type":"b"},{"event_type":"c"}]}`)
	before := b.EventsSize(0, 1)
	require.NoError(t, b.RemoveFromEvents("data", "location"))
	assert.Equal(t, before-len(`,"location":2`), b.EventsSize(0, 1))
}
