package window

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func usual() Limits {
	return Limits{Length: 10 * time.Minute, MessageBytes: 1000, MemoryBytes: 1 << 20, HeldBytes: 1 << 20}
}

// A feeder adds batches with growing numbers.
type feeder struct {
	table *Table
	clock *fakeClock
	next  uint64
}

func newFeeder(l Limits) *feeder {
	c := newFakeClock()
	return &feeder{NewTable(l, c.read), c, 1}
}

// part makes the next part, of a device.
func (f *feeder) part(device int, value string) *Part {
	p := &Part{
		Device: Digest{byte(device), byte(device >> 8), byte(device >> 16)}, Shape: ShapeOf([]byte(value)), First: f.next, Messages: 1,
		Fixed: 150, Held: int64(len(value)), Accepted: f.clock.now.Wall, End: f.clock.now.Wall.Add(f.table.limits.Length), Extra: f.next,
	}
	f.next++
	return p
}

func (f *feeder) add(device int, value string) { f.table.Add(f.part(device, value)) }

func (f *feeder) take(t *testing.T) []*Window {
	t.Helper()
	var all []*Window
	for {
		list, _ := f.table.Take(3)
		if len(list) == 0 {
			return all
		}
		all = append(all, list...)
	}
}

func event(n int) string {
	return fmt.Sprintf(`{"mpid":1,"batch_id":"%d","events":[{"event_type":"custom_event","n":%d}]}`, n, n)
}

func TestTable_gathersUntilTheEnd(t *testing.T) {
	f := newFeeder(usual())
	f.add(1, event(1))
	f.clock.pass(time.Minute)
	f.add(2, event(2))
	f.add(1, event(3))
	f.add(1, event(4))
	list, next := f.table.Take(10)
	assert.Empty(t, list)
	assert.Equal(t, 9*time.Minute, next)
	f.clock.pass(next)
	list, _ = f.table.Take(10)
	require.Len(t, list, 1)
	w := list[0]
	assert.Equal(t, []Range{{1, 2}, {3, 5}}, w.Parts)
	assert.Equal(t, Ended, w.Reason)
	assert.Equal(t, uint64(4), w.Extra)
	assert.Equal(t, `{"mpid":1,"batch_id":"4","events":[{"event_type":"custom_event","n":1},{"event_type":"custom_event","n":3},{"event_type":"custom_event","n":4}]}`,
		string(w.Text.Append(nil)))
	assert.Equal(t, Stats{Open: 1}, f.table.Stats())
	f.table.CloseAll()
	list, _ = f.table.Take(10)
	require.Len(t, list, 1)
	assert.Equal(t, Stopped, list[0].Reason)
}

func TestTable_closesForAReason(t *testing.T) {
	const end = `{"mpid":1,"events":[{"event_type":"session_end"}]}`
	long := fmt.Sprintf(`{"mpid":1,"batch_id":"%0600d","events":[{"event_type":"custom_event","n":"%0400d"}]}`, 1, 1)
	for name, c := range map[string]struct {
		values []string
		parts  []int // of the windows that are closed
		reason Reason
	}{
		"nothing":                         {[]string{event(1), event(2)}, nil, 0},
		"an event that closes":            {[]string{event(1), end}, []int{2}, LastType},
		"another envelope":                {[]string{event(1), `{"mpid":1,"ip":"1","events":[]}`}, []int{1}, Differs},
		"no list of events":               {[]string{event(1), `{"mpid":1}`}, []int{1, 1}, Differs},
		"no room":                         {[]string{event(1), long}, []int{1}, Full},
		"no room for itself, and behind":  {[]string{long, long}, []int{1}, Full},
		"nor with the events of a former": {[]string{long, event(2)}, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFeeder(usual())
			for _, v := range c.values {
				f.add(1, v)
			}
			list := f.take(t)
			require.Len(t, list, len(c.parts))
			for i, w := range list {
				assert.Equal(t, c.parts[i], w.Messages)
				assert.Equal(t, c.reason, w.Reason)
			}
		})
	}
}

func TestTable_oneOfADeviceAtATime(t *testing.T) {
	f := newFeeder(usual())
	end := `{"mpid":1,"events":[{"event_type":"session_end"}]}`
	f.add(1, end)
	f.add(2, end)
	f.add(1, end)
	list, _ := f.table.Take(10)
	assert.Len(t, list, 2)
	list, _ = f.table.Take(10)
	assert.Len(t, list, 1)
}

func TestTable_split(t *testing.T) {
	f := newFeeder(usual())
	f.add(1, event(1))
	p := f.part(1, event(2))
	p.Messages = 3
	f.table.Add(p)
	list := f.take(t)
	require.Len(t, list, 2)
	assert.Equal(t, []Range{{2, 5}}, list[1].Parts)
	assert.True(t, list[1].Alone)
	assert.Nil(t, list[1].Text)
}

// After a restart the end is that of the part.
func TestTable_endIsKept(t *testing.T) {
	for name, c := range map[string]struct{ end, want time.Duration }{
		"later":           {4 * time.Minute, 4 * time.Minute},
		"over":            {-time.Minute, 0},
		"clock went back": {time.Hour, 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFeeder(usual())
			p := f.part(1, event(1))
			p.End = f.clock.now.Wall.Add(c.end)
			f.table.Add(p)
			list, next := f.table.Take(1)
			assert.Equal(t, c.want, next)
			assert.Equal(t, c.want == 0, len(list) == 1)
		})
	}
}

func TestTable_tooMany(t *testing.T) {
	l := usual()
	l.MemoryBytes = 100 * (windowMemory + rangeMemory)
	f := newFeeder(l)
	for i := range 150 {
		f.add(i, event(i))
	}
	assert.Equal(t, Stats{Open: 100, Closed: 50, Early: 50}, f.table.Stats())
	for i, w := range f.take(t) {
		assert.Equal(t, uint64(i+1), w.Parts[0].First, "the oldest first")
		assert.Equal(t, Early, w.Reason)
		f.table.Release(w)
	}
	assert.False(t, f.table.Crowded())
	for i := range 301 {
		f.add(1000+i, event(i))
	}
	assert.True(t, f.table.Crowded())
	for _, w := range f.take(t) {
		f.table.Release(w)
	}
	assert.False(t, f.table.Crowded())

	l = usual()
	l.HeldBytes = int64(10 * len(event(10)))
	f = newFeeder(l)
	for i := range 15 {
		f.add(i, event(10+i))
	}
	assert.Equal(t, Stats{Open: 10, Closed: 5, Early: 5}, f.table.Stats())
}

// What is kept beside a text counts like it: the last batch's only.
func TestTable_extras(t *testing.T) {
	l := usual()
	l.MemoryBytes = 20_000
	f := newFeeder(l)
	const extra = 1000
	for i := range 60 {
		p := f.part(i%20, event(i))
		p.ExtraBytes = extra
		f.table.Add(p)
		assert.LessOrEqual(t, f.table.texts, l.MemoryBytes/2)
	}
	f.table.CloseAll()
	kept := 0
	for _, w := range f.take(t) {
		if w.Extra != nil {
			kept++
		}
		f.table.Release(w)
		assert.Nil(t, w.Extra)
	}
	assert.Positive(t, kept)
	assert.LessOrEqual(t, kept, int(l.MemoryBytes/2/extra))
	assert.Zero(t, f.table.texts)
}

// Texts that find no room are read from the disk; what is counted comes back to
// nothing.
func TestTable_texts(t *testing.T) {
	l := usual()
	l.MemoryBytes = 10_000
	f := newFeeder(l)
	kept := 0
	for i := range 400 {
		f.add(i%20, event(i))
	}
	f.table.CloseAll()
	for _, w := range f.take(t) {
		if w.Text != nil {
			kept++
		}
		f.table.Release(w)
	}
	assert.Positive(t, kept)
	assert.Less(t, kept, 20)
	assert.Zero(t, f.table.texts)
	assert.Zero(t, f.table.memory)
	assert.Zero(t, f.table.waiting)
	assert.Zero(t, f.table.held)
}
