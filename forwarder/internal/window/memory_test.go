package window

import (
	"encoding/binary"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// Ten million devices with one event each within the length of one window take no
// more memory than is allowed: the oldest windows are closed early. What a window is
// counted for is what it takes.
func TestTable_memory(t *testing.T) {
	devices := 10_000_000
	if testing.Short() {
		devices = 300_000
	}
	const allowed = 16 << 20
	clock := newFakeClock()
	table := NewTable(Limits{Length: 10 * time.Minute, MessageBytes: 1e6, MemoryBytes: allowed, HeldBytes: 1 << 40}, clock.read)
	before := heapInUse()
	p := Part{Messages: 1, Fixed: 150, Held: 300, End: clock.now.Wall.Add(10 * time.Minute)}
	most := uint64(0)
	for i := range devices {
		binary.BigEndian.PutUint64(p.Device[:], uint64(i)) //nolint:gosec // not negative
		p.First = uint64(2*i + 1)                          //nolint:gosec // not negative
		table.Add(&p)
		if i%1000 == 0 {
			take(table)
		}
		if i%(devices/5) == devices/5-1 {
			most = max(most, heapInUse())
		}
	}
	st := table.Stats()
	assert.Equal(t, allowed/Memory, st.Open)
	assert.Equal(t, devices-st.Open, st.Early)
	taken := float64(most) - float64(before)
	t.Logf("%d windows are open, %d were closed early, %.0f bytes a window", st.Open, st.Early, taken/float64(st.Open))
	assert.Less(t, taken, 1.25*allowed)
	runtime.KeepAlive(table)
}

func take(table *Table) {
	for {
		list, _ := table.Take(1000)
		if len(list) == 0 {
			return
		}
		for _, w := range list {
			table.Release(w)
		}
	}
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
