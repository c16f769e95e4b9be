package window

import (
	"container/heap"
	"sync"
	"time"
)

// Limits are those of a [Table]. All are positive.
type Limits struct {
	Length       time.Duration // of a window
	MessageBytes int           // of a message that gathers several batches
	MemoryBytes  int64         // of what is known of open windows; half as much again may be their text
	HeldBytes    int64         // on the disk, of the batches in open windows
}

// A Part is a batch that is stored and not to be sent by itself.
type Part struct {
	Device   Digest
	Shape    Shape
	First    uint64    // number of its first message
	Messages int       // several: it was split, and is alone
	Fixed    int       // bytes of its message beside the value
	Held     int64     // on the disk
	Accepted time.Time // by the wall clock
	End      time.Time // of the window that it would open; by the wall clock
	Extra    any       // what the caller needs of the last part of a window

	ExtraBytes int64 // of memory that Extra takes; they count as text
}

// A Reason is why a window was closed.
type Reason int

// The reasons.
const (
	Ended    Reason = iota + 1 // its time was up
	Differs                    // the envelope of the next batch is another one
	Full                       // the next batch does not fit into the same message
	LastType                   // by the type of an event
	Early                      // there were too many windows
	Stopped                    // by CloseAll
)

// A Range is the message numbers [First, Next).
type Range struct{ First, Next uint64 }

// A Window is batches of one device that leave as one.
type Window struct {
	Device   Digest
	Parts    []Range // in order
	Reason   Reason
	Held     int64
	Accepted time.Time // of the first part
	Extra    any       // of the last part; nil if it was not kept
	Text     *Text     // of all parts; nil if it was not kept
	Messages int       // of its message numbers; if Alone they are one batch's
	Alone    bool

	envelope Digest
	due      time.Duration
	first    uint64
	index    int // in the heap
	events   int // bytes of the events with their commas
	memory   int64
	texts    int64 // memory of Text and Extra
}

// windowMemory is about what a window takes beside its parts and its text, and
// what a range takes: TestTable_memory measures it.
const (
	windowMemory = 320
	rangeMemory  = 32
)

// Memory is what a window counts for whose batches lie behind each other.
const Memory = windowMemory + rangeMemory

// A Table is all windows that are open, and those that are closed and not taken
// yet. Its methods may be called from any number of goroutines; none of them blocks.
type Table struct {
	limits Limits
	clock  func() Instant

	mu      sync.Mutex
	pace    pace
	open    map[Digest]*Window
	ending  ending
	closed  []*Window
	memory  int64 // without texts
	texts   int64 // what is kept of batches, of open and closed windows
	waiting int64 // memory of closed windows
	held    int64 // of open windows
	early   int
	changed chan struct{} // holds a token when there may be something to take, or a sooner end
}

// NewTable returns one without windows.
func NewTable(l Limits, clock func() Instant) *Table {
	t := &Table{limits: l, clock: clock, open: map[Digest]*Window{}, changed: make(chan struct{}, 1)}
	t.pace.at(clock())
	return t
}

// Add puts a batch into the window of its device. Parts are added in the order of
// their numbers.
func (t *Table) Add(p *Part) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock()
	at := t.pace.at(now)
	t.closeEndedLocked(at)
	alone := p.Shape.Alone || p.Messages != 1
	w := t.open[p.Device]
	switch {
	case w == nil:
	case alone || w.envelope != p.Shape.Envelope:
		t.closeLocked(w, Differs)
		w = nil
	case w.sizeWith(p) > t.limits.MessageBytes:
		t.closeLocked(w, Full)
		w = nil
	}
	if w == nil {
		w = t.openLocked(p, at, now.Wall)
	}
	t.joinLocked(w, p)
	switch {
	case alone:
		w.Alone = true
		t.closeLocked(w, Differs)
	case p.Shape.Last:
		t.closeLocked(w, LastType)
	}
	for len(t.ending) > 0 && (t.memory > t.limits.MemoryBytes || t.held > t.limits.HeldBytes) {
		t.early++
		t.closeLocked(t.ending[0], Early)
	}
	t.notify()
}

// sizeWith is how large the message would be with p.
func (w *Window) sizeWith(p *Part) int {
	return p.Fixed + len(p.Shape.before) + w.events + comma(w.events, len(p.Shape.events)) + len(p.Shape.events) + len(p.Shape.after)
}

// comma is 1 where one is needed between so many bytes of events.
func comma(before, behind int) int {
	if before > 0 && behind > 0 {
		return 1
	}
	return 0
}

// openLocked opens a window with p. Its end is the part's, but no further away than
// a window is long: the clock may have been set back since, or the length changed.
func (t *Table) openLocked(p *Part, at time.Duration, wall time.Time) *Window {
	left := max(0, min(p.End.Sub(wall), t.limits.Length))
	w := &Window{
		Device: p.Device, Accepted: p.Accepted, envelope: p.Shape.Envelope, due: at + left, first: p.First,
		memory: windowMemory, Text: &Text{},
	}
	t.open[p.Device] = w
	heap.Push(&t.ending, w)
	t.memory += w.memory
	return w
}

func (t *Table) joinLocked(w *Window, p *Part) {
	next := p.First + uint64(p.Messages) //nolint:gosec // a count
	if last := len(w.Parts) - 1; last >= 0 && w.Parts[last].Next == p.First {
		w.Parts[last].Next = next
	} else {
		w.Parts = append(w.Parts, Range{p.First, next})
		w.memory += rangeMemory
		t.memory += rangeMemory
	}
	w.events += comma(w.events, len(p.Shape.events)) + len(p.Shape.events)
	w.Messages += p.Messages
	w.Held += p.Held
	t.held += p.Held
	t.keepTextLocked(w, p)
}

// keepTextLocked keeps the text of the parts, if there is room: it need not be read
// from the disk then.
func (t *Table) keepTextLocked(w *Window, p *Part) {
	if w.Text == nil {
		return
	}
	more := int64(len(p.Shape.before)+len(p.Shape.events)+len(p.Shape.after)) + p.ExtraBytes
	if p.Extra == nil || w.Alone || p.Messages != 1 || p.Shape.Alone || t.texts+more > t.limits.MemoryBytes/2 {
		t.dropTextLocked(w)
		return
	}
	w.Text.Add(&p.Shape)
	w.Extra = p.Extra
	was := w.texts
	w.texts = int64(w.Text.memory()) + p.ExtraBytes
	t.texts += w.texts - was
}

// dropTextLocked gives back what is kept of the batches of a window.
func (t *Table) dropTextLocked(w *Window) {
	t.texts -= w.texts
	w.Text, w.Extra, w.texts = nil, nil, 0
}

// closeLocked closes an open window.
func (t *Table) closeLocked(w *Window, r Reason) {
	w.Reason = r
	delete(t.open, w.Device)
	heap.Remove(&t.ending, w.index)
	t.held -= w.Held
	t.memory -= w.memory
	t.waiting += w.memory
	t.closed = append(t.closed, w)
}

func (t *Table) closeEndedLocked(at time.Duration) {
	for len(t.ending) > 0 && t.ending[0].due <= at {
		t.closeLocked(t.ending[0], Ended)
	}
}

// CloseAll closes all windows that are open.
func (t *Table) CloseAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.ending) > 0 {
		t.closeLocked(t.ending[0], Stopped)
	}
	t.notify()
}

// notify puts a token into changed.
func (t *Table) notify() {
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

// Changed returns a channel with a token when Take may return something, or
// something sooner than it said.
func (t *Table) Changed() <-chan struct{} { return t.changed }

// Take closes the windows that have ended, and takes up to limit closed ones, in the
// order in which they were closed, no two of one device. If there is none it returns
// after how long the next one ends; 0: there is none.
func (t *Table) Take(limit int) (list []*Window, next time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := t.pace.at(t.clock())
	t.closeEndedLocked(at)
	devices := map[Digest]bool{}
	for len(list) < limit && len(t.closed) > 0 && !devices[t.closed[0].Device] {
		w := t.closed[0]
		devices[w.Device] = true
		list = append(list, w)
		t.closed[0] = nil
		t.closed = t.closed[1:]
	}
	if len(t.closed) == 0 {
		t.closed = nil
	}
	if len(list) == 0 && len(t.ending) > 0 {
		next = t.ending[0].due - at
	}
	return list, next
}

// Release gives back the memory of a window that was taken, which is no longer needed.
func (t *Table) Release(w *Window) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting -= w.memory
	t.dropTextLocked(w)
}

// Crowded reports whether so many closed windows wait that nothing should be added
// before some of them are forgotten.
func (t *Table) Crowded() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.waiting > t.limits.MemoryBytes
}

// Stats is what a table holds at one moment.
type Stats struct {
	Open   int
	Closed int // and not taken yet
	Early  int // closed since the start because there were too many
}

// Stats returns what t holds.
func (t *Table) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Stats{Open: len(t.open), Closed: len(t.closed), Early: t.early}
}

// An ending is a heap of the open windows, the one that ends first on top.
type ending []*Window

func (e ending) Len() int { return len(e) }
func (e ending) Less(i, j int) bool {
	return e[i].due < e[j].due || e[i].due == e[j].due && e[i].first < e[j].first
}

func (e ending) Swap(i, j int) {
	e[i], e[j] = e[j], e[i]
	e[i].index, e[j].index = i, j
}

// Push implements [heap.Interface].
func (e *ending) Push(x any) {
	w, _ := x.(*Window)
	w.index = len(*e)
	*e = append(*e, w)
}

// Pop implements [heap.Interface].
func (e *ending) Pop() any {
	last := len(*e) - 1
	w := (*e)[last]
	(*e)[last] = nil
	*e = (*e)[:last]
	return w
}
