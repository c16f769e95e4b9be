package batch

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// asked returns the types that DropTypes asks for, in order, and drops nothing.
func asked(b *Batch) []string {
	var list []string
	b.DropTypes("test", func(eventType string) bool {
		list = append(list, eventType)
		return false
	})
	return list
}

func dropType(b *Batch, eventType string) int {
	return b.DropTypes("test", func(other string) bool { return other == eventType })
}

func TestBatch_DropTypes(t *testing.T) {
	b := parsed(t, `{"events":[{"event_type":"session_start"},{"event_type":"profile"},{"event_type":"session_start"},{"event_type":"opt\u005fout"}]}`)
	assert.Equal(t, []string{"opt_out", "profile", "session_start"}, asked(b), "each once")
	assert.Zero(t, dropType(b, "crash_report"))
	assert.Equal(t, 2, dropType(b, "session_start"))
	assert.Zero(t, dropType(b, "session_start"), "they are gone")
	assert.Equal(t, 1, dropType(b.Clone(), "opt_out"))
	assert.Equal(t, []DroppedEvents{{"test", 2}}, b.Dropped())
	assert.Equal(t, `{"events":[{"event_type":"profile"},{"event_type":"opt\u005fout"}]}`, string(b.AppendJSON(nil)))
	assert.Empty(t, asked(parsed(t, `{"events":null}`)))
}

// What has no constant is asked for with each event.
func TestBatch_DropTypes_other(t *testing.T) {
	b := parsed(t, `{"events":[{"event_type":"new"},{"event_type":"profile"},{"event_type":""},{"event_type":"new"}]}`)
	assert.Zero(t, dropType(b, "newer"))
	assert.Equal(t, 2, dropType(b, "new"))
	assert.Equal(t, 1, dropType(b, ""))
	assert.Equal(t, 1, dropType(b, "profile"))
	assert.Zero(t, b.NumEvents())
}

// After an edit it is the type of now that counts.
func TestBatch_DropTypes_retyped(t *testing.T) {
	b := parsed(t, `{"events":[{"event_type":"profile"},{"event_type":"opt_out"}]}`)
	for _, e := range b.Events() {
		require.NoError(t, e.At("event_type").Set([]string{"crash_report", "new"}[e.Index()]))
	}
	for _, b := range []*Batch{b.Clone(), b} {
		assert.Zero(t, dropType(b, "profile"))
		assert.Zero(t, dropType(b, "opt_out"))
		assert.Equal(t, 1, dropType(b, "crash_report"))
		assert.Equal(t, 1, dropType(b, "new"))
	}
}
