package batch

// parts is what splitting a batch needs to know about its events. It is
// computed once, and again after an edit.
type parts struct {
	edits         int   // of the batch when this was computed: an edit makes it useless
	before, after int   // up to the first event and after the last: the envelope
	kept          []int // the events that are left, as indexes into Batch.events
	ends          []int // ends[k] is the size of the first k events, each with a comma before it
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
	first := p.kept[from]
	return p.before + p.after + p.ends[to] - p.ends[from+1] +
		b.base.size(b.begin(first), int(b.events[first].end))
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
	for k, i := range b.split().kept[from:to] {
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
		kept:   make([]int, 0, b.left),
		ends:   make([]int, 1, b.left+1),
	}
	for i, e := range b.events {
		if b.dropped.has(i) {
			continue
		}
		begin := b.prev(i)
		if len(p.kept) == 0 {
			begin = b.begin(i)
		}
		p.kept = append(p.kept, i)
		p.ends = append(p.ends, p.ends[len(p.ends)-1]+b.base.size(begin, int(e.end)))
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
