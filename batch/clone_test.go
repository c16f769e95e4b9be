package batch

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Which events are dropped is noted in two places, for the first 64 and for the
// others: neither is shared with a clone.
func TestClone_ofManyEvents(t *testing.T) {
	event := `{"event_type":"opt_out"}`
	b, err := Parse([]byte(`{"events":[` + strings.Repeat(event+",", 199) + event + `]}`))
	require.NoError(t, err)
	drop := func(b *Batch, index int) int {
		return b.DropEvents("test", func(e Event) bool { return e.Index() == index })
	}
	for _, index := range []int{3, 64, 150, 199} {
		assert.Equal(t, 1, drop(b, index))
		before := string(b.AppendJSON(nil))
		c := b.Clone()
		assert.Equal(t, 2, drop(c, index-1)+drop(c, 100))
		assert.Equal(t, before, string(b.AppendJSON(nil)))
		assert.Equal(t, before, string(b.AppendEvents(nil, 0, b.NumEvents())))
		for _, e := range b.Events() {
			assert.True(t, e.At("event_type").Exists(), "event %d", e.Index())
		}
		d := b.Clone()
		assert.Equal(t, 2, drop(d, index-1)+drop(d, 100), "another clone")
		assert.Equal(t, string(c.AppendJSON(nil)), string(d.AppendJSON(nil)))
		seen := 0
		for range b.Events() {
			seen++
		}
		assert.Equal(t, b.NumEvents(), seen)
	}
}
