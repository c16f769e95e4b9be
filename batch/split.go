package batch

// parts is what splitting a batch needs to know about its events. It is
// computed once, and again after an edit.
type parts struct {
	edits         int // of the batch when this was computed: an edit makes it useless
	before, after int // up to the first event and after the last: the envelope
	kept          []keptEvent
}

// A keptEvent is an event that is left. Sizes are noted, never looked up: events
// and the space around them may be large, and splitting asks again and again.
type keptEvent struct {
	index int32 // of Batch.events
	lead  int32 // the size up to and with the comma before it; 0 for the first
	end   int   // the size of all events up to it, with their commas
}

// EventsSize returns the number of bytes that [Batch.AppendEvents] appends. The
// first call after an edit looks at all events, the others at none.
func (b *Batch) EventsSize(from, to int) int {
	if b.array.end == 0 {
		_ = []struct{}{}[from:to] // panics unless both are 0, as there are no events
		return b.Size()
	}
	p := b.split()
	_ = p.kept[from:to]
	if from == to {
		return p.before + p.after
	}
	n := p.before + p.after + p.kept[to-1].end - int(p.kept[from].lead)
	if from > 0 {
		n -= p.kept[from-1].end
	}
	return n
}

// AppendEvents appends to dst the batch with only the events from up to but
// without to, of those that are left, counting from 0. The rest of the batch,
// its envelope, is always the same. Like slicing it panics when from and to are
// out of range.
func (b *Batch) AppendEvents(dst []byte, from, to int) []byte {
	if dst == nil {
		dst = make([]byte, 0, b.EventsSize(from, to))
	}
	if b.array.end == 0 {
		_ = []struct{}{}[from:to] // panics unless both are 0, as there are no events
		return b.AppendJSON(dst)
	}
	dst = b.base.append(dst, 0, int(b.array.start)+1)
	for k, e := range b.split().kept[from:to] {
		i := int(e.index)
		begin := b.begin(i)
		if k > 0 {
			begin = b.prev(i)
		}
		dst = b.base.append(dst, begin, int(b.events[i].end))
	}
	return b.base.append(dst, b.prev(len(b.events)), len(b.base.text))
}

func (b *Batch) split() *parts {
	if p := b.parts.Load(); p != nil && p.edits == b.edits {
		return p
	}
	p := &parts{
		edits:  b.edits,
		before: b.base.size(0, int(b.array.start)+1),
		after:  b.base.size(b.prev(len(b.events)), len(b.base.text)),
		kept:   make([]keptEvent, 0, b.left),
	}
	end := 0
	for i, e := range b.events {
		if b.dropped.has(i) {
			continue
		}
		lead := 0
		begin := b.begin(i)
		if len(p.kept) > 0 {
			lead = begin - b.prev(i) // no edit touches it while the event is there
		}
		end += lead + b.base.size(begin, int(e.end))
		p.kept = append(p.kept, keptEvent{int32(i), int32(lead), end})
	}
	b.parts.Store(p)
	return p
}

// prev returns the index after the event before event i.
func (b *Batch) prev(i int) int {
	if i == 0 {
		return int(b.array.start) + 1
	}
	return int(b.events[i-1].end)
}

// begin returns the index after the comma before event i.
func (b *Batch) begin(i int) int { return afterComma(b.base.text, b.prev(i)) }
