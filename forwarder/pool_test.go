package forwarder

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

func TestShelfFor(t *testing.T) {
	last, rooms := -1, map[int]int{}
	for size := 1<<leastPooled + 1; size <= 1<<mostPooled; size++ {
		shelf, room := shelfFor(size)
		if room < size || room > size+size/4 || shelf < last {
			t.Fatalf("%d bytes: shelf %d, room for %d", size, shelf, room)
		}
		if known, ok := rooms[shelf]; ok && known != room {
			t.Fatalf("%d bytes: shelf %d has buffers of %d and of %d", size, shelf, known, room)
		}
		rooms[shelf], last = room, shelf
	}
	assert.Len(t, rooms, len(pool{}.shelves))
	for shelf, room := range rooms {
		back, same := shelfFor(room)
		assert.Equal(t, []int{shelf, room}, []int{back, same}, "a buffer goes back to where it came from")
	}
	for _, size := range []int{0, 1, 1 << leastPooled, 1<<mostPooled + 1} {
		shelf, room := shelfFor(size)
		assert.Negative(t, shelf, size)
		assert.Equal(t, size, room)
	}
}

// A prompt producer acknowledges at once and keeps nothing.
type prompt struct{ producer.Producer }

func (prompt) Submit(g *producer.Group) {
	for i := range g.Messages {
		g.Owner.Settle(i, producer.Result{Outcome: producer.Acknowledged})
	}
}

func (prompt) Waiting(time.Duration) []producer.Waiting { return nil }
func (prompt) Close() error                             { return nil }

// One batch after the other needs memory for one value.
func TestPool_forward(t *testing.T) {
	f := withProducer(t, prompt{}, nil)
	defer func() { require.NoError(t, f.Close()) }()
	b := events(t, 1000)
	const calls = 200
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range calls {
		require.NoError(t, f.Forward(t.Context(), b))
	}
	runtime.ReadMemStats(&after)
	// The garbage collector empties a pool now and then, and the race detector does.
	assert.Less(t, (after.TotalAlloc-before.TotalAlloc)/calls, uint64(b.Size()/2))
}

// The values of a batch are written over only when all of them are acknowledged:
// until then they may be sent again.
func TestPool_acknowledgedOnly(t *testing.T) {
	const value = 3 << 10
	for name, c := range map[string]struct {
		outcomes []producer.Outcome
		reused   bool
	}{
		"acknowledged":       {[]producer.Outcome{producer.Acknowledged, producer.Acknowledged}, true},
		"one is unknown":     {[]producer.Outcome{producer.Acknowledged, producer.Unknown}, false},
		"the first not sent": {[]producer.Outcome{producer.NotSent, producer.Acknowledged}, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := withProducer(t, prompt{}, nil)
			defer func() { require.NoError(t, f.Close()) }()
			memory := f.pool.take(2 * value)
			d := &delivery{memory: memory}
			d.owner = &call{f: f, delivery: d}
			d.setMessages([]message{{value: (*memory)[:value]}, {value: (*memory)[value : 2*value]}})
			require.True(t, f.inFlight.acceptMessages(len(c.outcomes)))
			for i, o := range c.outcomes {
				assert.NotNil(t, d.memory, "some are not settled")
				d.groups[0].Settle(i, producer.Result{Outcome: o})
			}
			assert.Equal(t, c.reused, d.memory == nil)
		})
	}
}
