package window

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The model keeps of each batch what it is, and of each device the batches that have
// not left. It knows no windows: it judges each one that is closed by the promises.

// A modelBatch is a batch as it was accepted.
type modelBatch struct {
	number, messages int
	envelope         int
	alone, last      bool
	size             int // of its events
	since            time.Duration
	wall             time.Time
}

type model struct {
	r       *rand.Rand
	limits  Limits
	clock   *fakeClock
	table   *Table
	next    int
	batches map[int]*modelBatch // by the first number
	waiting map[Digest][]int    // numbers of what has not left, by device
	jumps   bool                // the clock was set
	taken   int
	reasons map[Reason]int
	wrong   map[string]int // what broke a promise

	parts    map[int]Part // as they lie on the disk, by the first number
	restarts int

	feed  func(*Part)   // changes what the table is told
	found func(*Part)   // changes what a restart finds on the disk
	leave func(*Window) // changes what leaves
}

const modelDevices = 12

func newModel(seed uint64) *model {
	m := &model{
		r: rand.New(rand.NewPCG(seed, 0)), clock: newFakeClock(), next: 1, //nolint:gosec // repeatable
		batches: map[int]*modelBatch{}, waiting: map[Digest][]int{}, reasons: map[Reason]int{}, wrong: map[string]int{},
		parts: map[int]Part{}, feed: func(*Part) {}, found: func(*Part) {}, leave: func(*Window) {},
	}
	m.limits = Limits{Length: time.Minute, MessageBytes: 1500, MemoryBytes: 1 << 20, HeldBytes: 1 << 20}
	if seed%4 == 0 {
		m.limits.MemoryBytes = 8 * (windowMemory + rangeMemory)
	}
	m.table = NewTable(m.limits, m.clock.read)
	return m
}

// accept adds a batch of some device.
func (m *model) accept() {
	b := &modelBatch{
		number: m.next, messages: 1, envelope: m.r.IntN(12) / 10, last: m.r.IntN(15) == 0, alone: m.r.IntN(30) == 0,
		since: m.clock.now.Since, wall: m.clock.now.Wall,
	}
	kind := "custom_event"
	if b.last {
		kind = "session_end"
	}
	value := fmt.Sprintf(`{"mpid":%d,"batch_id":%d,"events":[{"event_type":"%s","n":%d,"pad":"%s"}]}`,
		b.envelope, b.number, kind, b.number, strings.Repeat("x", m.r.IntN(300)))
	switch {
	case b.alone && m.r.IntN(2) == 0:
		value = `{"mpid":1}`
	case b.alone:
		b.messages = 2
	}
	p := &Part{
		Device: Digest{byte(m.r.IntN(modelDevices))}, Shape: ShapeOf([]byte(value)), First: uint64(b.number), Messages: b.messages,
		Fixed: 150, Held: int64(len(value)), Accepted: b.wall, End: b.wall.Add(m.limits.Length), Extra: b.number,
	}
	b.size = len(p.Shape.events)
	m.batches[b.number] = b
	m.waiting[p.Device] = append(m.waiting[p.Device], b.number)
	m.next += b.messages
	m.parts[b.number] = *p
	m.feed(p)
	m.table.Add(p)
}

func (m *model) breaks(promise string) { m.wrong[promise]++ }

// judge takes what is closed.
func (m *model) judge() {
	for {
		list, _ := m.table.Take(1 + m.r.IntN(4))
		if len(list) == 0 {
			break
		}
		for _, w := range list {
			m.leave(w)
			m.judgeWindow(w)
			m.table.Release(w)
		}
	}
	for _, list := range m.waiting {
		for _, n := range list {
			if m.clock.now.Since-m.batches[n].since >= m.limits.Length {
				m.breaks("open longer than its length")
			}
		}
	}
}

func (m *model) judgeWindow(w *Window) {
	m.taken++
	m.reasons[w.Reason]++
	list := m.batchesOf(w)
	waiting := m.waiting[w.Device]
	if len(list) == 0 || len(list) > len(waiting) {
		m.breaks("each batch leaves once")
		return
	}
	for i, b := range list {
		if b.number != waiting[i] {
			m.breaks("in the order of acceptance")
		}
		if i > 0 && b.envelope != list[0].envelope {
			m.breaks("one envelope")
		}
		if len(list) > 1 && b.alone {
			m.breaks("one envelope")
		}
		if i < len(list)-1 && b.last {
			m.breaks("closes at an event that closes")
		}
	}
	m.judgeText(w, list)
	m.judgeReason(w, list, waiting)
	m.waiting[w.Device] = slices.Delete(waiting, 0, len(list))
}

// batchesOf lists the batches of a window.
func (m *model) batchesOf(w *Window) (list []*modelBatch) {
	for _, r := range w.Parts {
		for n := int(r.First); n < int(r.Next); {
			b := m.batches[n]
			if b == nil {
				m.breaks("each batch leaves once")
				return nil
			}
			list = append(list, b)
			n += b.messages
		}
	}
	return list
}

// judgeText checks the value, if the table has kept it.
func (m *model) judgeText(w *Window, list []*modelBatch) {
	if w.Text == nil {
		return
	}
	value := string(w.Text.Append(nil))
	for _, b := range list {
		if strings.Count(value, fmt.Sprintf(`"n":%d,`, b.number)) != 1 {
			m.breaks("every event once")
		}
	}
	last := list[len(list)-1]
	if !strings.HasPrefix(value, fmt.Sprintf(`{"mpid":%d,"batch_id":%d,`, last.envelope, last.number)) || w.Extra != last.number {
		m.breaks("the envelope of the last")
	}
	if len(list) > 1 && 150+len(value) > m.limits.MessageBytes {
		m.breaks("a message is not too large")
	}
}

// judgeReason checks that the window was not closed without one.
func (m *model) judgeReason(w *Window, list []*modelBatch, waiting []int) {
	last, ok := list[len(list)-1], true
	var next *modelBatch
	if len(list) < len(waiting) {
		next = m.batches[waiting[len(list)]]
	}
	switch w.Reason {
	case Ended:
		ok = m.jumps || m.clock.now.Since-list[0].since >= m.limits.Length
	case Differs:
		ok = last.alone || next != nil && (next.alone || next.envelope != last.envelope)
	case Full:
		size := len(`{"mpid":1,"batch_id":1234,"events":[]}`) + 150
		for _, b := range list {
			size += b.size + 1
		}
		ok = next != nil && size+next.size > m.limits.MessageBytes-10
	case LastType:
		ok = last.last
	case Early:
		ok = m.limits.MemoryBytes < 1<<20
	case Stopped:
	}
	if !ok {
		m.breaks("closes for a reason")
	}
}

// run does some hundred things, and closes all that is open at the end.
func (m *model) run() {
	for range 600 {
		switch k := m.r.IntN(200); {
		case k < 120:
			m.accept()
		case k < 180:
			m.clock.pass(time.Duration(m.r.IntN(8000)) * time.Millisecond)
		case k < 182:
			m.jumps = true
			m.clock.set([]time.Duration{-time.Hour, 24 * time.Hour}[m.r.IntN(2)])
		case k < 183:
			m.restart()
		default:
		}
		m.judge()
	}
	m.table.CloseAll()
	m.judge()
	for _, list := range m.waiting {
		if len(list) > 0 {
			m.breaks("nothing is forgotten")
		}
	}
	if m.table.memory != 0 || m.table.waiting != 0 || m.table.held != 0 || m.table.texts != 0 {
		m.breaks("nothing is counted that is gone")
	}
}

// restart has another table find what has not left, as it lies on the disk.
func (m *model) restart() {
	m.restarts++
	m.clock.pass(time.Duration(m.r.IntN(20)) * time.Second)
	m.table = NewTable(m.limits, m.clock.read)
	for _, n := range slices.Sorted(maps.Keys(m.parts)) {
		p := m.parts[n]
		if !slices.Contains(m.waiting[p.Device], n) {
			delete(m.parts, n)
			continue
		}
		if m.jumps { // how long it has waited is not known any more
			m.batches[n].since = max(m.batches[n].since, m.clock.now.Since)
		}
		m.feed(&p)
		m.found(&p)
		m.table.Add(&p)
	}
}

func TestTable_model(t *testing.T) {
	restarts := 0
	reasons, seeds := map[Reason]int{}, uint64(300)
	if testing.Short() {
		seeds = 60
	}
	for seed := range seeds {
		m := newModel(seed)
		m.run()
		require.Empty(t, m.wrong, "seed %d", seed)
		restarts += m.restarts
		for r, n := range m.reasons {
			reasons[r] += n
		}
	}
	for r := Ended; r <= Stopped; r++ {
		assert.Greater(t, reasons[r], int(seeds)/3, "reason %d", r)
	}
	assert.Greater(t, restarts, int(seeds))
}

// A table that counts anew after a restart is caught.
func TestTable_modelCatchesNewEnds(t *testing.T) {
	caught := 0
	for seed := range uint64(60) {
		m := newModel(seed)
		m.found = func(p *Part) { p.End = m.clock.now.Wall.Add(m.limits.Length) }
		m.run()
		caught += m.wrong["open longer than its length"]
	}
	assert.Positive(t, caught)
}

// Broken tables are caught.
func TestTable_modelCatches(t *testing.T) {
	for promise, control := range map[string]func(m *model){
		"one envelope": func(m *model) { // a window that ignores the envelope
			m.feed = func(p *Part) { p.Shape.Envelope = Digest{} }
		},
		"open longer than its length": func(m *model) { // one that closes late
			read := m.clock.read
			m.table.clock = func() Instant {
				now := read()
				now.Since /= 2
				now.Wall = time.UnixMilli(0).Add(now.Since)
				return now
			}
		},
		"in the order of acceptance": func(m *model) { // one that forgets a part
			m.leave = func(w *Window) {
				if len(w.Parts) > 1 {
					w.Parts = w.Parts[1:]
				}
			}
		},
		"closes at an event that closes": func(m *model) {
			m.feed = func(p *Part) { p.Shape.Last = false }
		},
		"a message is not too large": func(m *model) {
			m.feed = func(p *Part) { p.Fixed = 0 }
		},
		"closes for a reason": func(m *model) { // one that closes too early
			m.table.limits.Length /= 2
		},
		"the envelope of the last": func(m *model) { // of the first
			var first = map[*Window]*Shape{}
			m.feed = func(p *Part) {
				if w := m.table.open[p.Device]; w != nil && first[w] != nil && w.envelope == p.Shape.Envelope {
					p.Shape.before = first[w].before
				}
				defer func() {
					s := p.Shape
					if w := m.table.open[p.Device]; w != nil && first[w] == nil {
						first[w] = &s
					}
				}()
			}
		},
	} {
		t.Run(promise, func(t *testing.T) {
			caught := 0
			for seed := range uint64(20) {
				m := newModel(seed)
				control(m)
				m.run()
				caught += m.wrong[promise]
			}
			assert.Positive(t, caught)
		})
	}
}
