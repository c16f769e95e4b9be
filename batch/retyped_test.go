package batch

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEvent_ParsedType(t *testing.T) {
	b := parsed(t, `{"events":[{"event_type":"crash_report"},{"x":[],"event\u005ftype":"n\u0065w"},{"event_type":""},{"event_type":"opt\u005fout"}]}`)
	want := []string{"crash_report", "new", "", "opt_out"}
	check := func(b *Batch, types ...string) {
		t.Helper()
		for i, e := range b.Events() {
			assert.Equal(t, want[e.Index()], e.ParsedType())
			assert.Equal(t, types[i], e.Type())
		}
	}
	check(b, want...)
	for _, e := range b.Events() {
		require.NoError(t, e.At("event_type").Set("profile"))
	}
	check(b, "profile", "profile", "profile", "profile")
	b.DropEvents("first", func(e Event) bool { return e.ParsedType() == "crash_report" })
	c := b.Clone()
	for _, e := range c.Events() {
		require.NoError(t, e.At("event_type").Set("newer"))
	}
	check(c, "newer", "newer", "newer")
	check(b, "profile", "profile", "profile")
	assert.Empty(t, Event{}.ParsedType())
}
