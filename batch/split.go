package batch

import "github.com/eventferry/eventferry/batch/internal/jsontext"

// parts holds what splitting a batch needs to know about its events. It is computed
// once, and again after an edit.
type parts struct {
	edits         int // of the batch when this was computed: an edit makes it useless
	before, after int // up to the first event and after the last: the envelope
	kept          []keptEvent
}

// A keptEvent is a remaining event. Its sizes are noted down: events and the space
// around them may be large, and splitting needs their sizes again and again.
type keptEvent struct {
	index int32 // of Batch.events
	lead  int32 // the size up to and with the comma before it; 0 for the first
	end   int   // the size of all events up to it, with their commas
}

// EventsSize is for those who split a batch, as the forwarder does: it returns the
// number of bytes that [Batch.AppendEvents] appends for the same events. The first
// call after an edit looks at all events, the others at none.
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

// AppendEvents is for those who split a batch, as the forwarder does: it appends
// the batch with only the remaining events [from, to) to dst, and returns the
// extended slice. The rest of the batch, its envelope, is always the same. Like
// slicing it panics when from and to are out of range.
func (b *Batch) AppendEvents(dst []byte, from, to int) []byte {
	if dst == nil {
		dst = make([]byte, 0, b.EventsSize(from, to))
	}
	if b.array.end == 0 {
		_ = []struct{}{}[from:to] // panics unless both are 0, as there are no events
		return b.AppendJSON(dst)
	}
	dst = b.base.Append(dst, 0, int(b.array.start)+1)
	for k, e := range b.split().kept[from:to] {
		i := int(e.index)
		begin := b.begin(i)
		if k > 0 {
			begin = b.beforeEvent(i)
		}
		dst = b.base.Append(dst, begin, int(b.events[i].end))
	}
	return b.base.Append(dst, b.beforeEvent(len(b.events)), len(b.base.Text()))
}

func (b *Batch) split() *parts {
	if p := b.parts.Load(); p != nil && p.edits == b.edits {
		return p
	}
	p := &parts{
		edits:  b.edits,
		before: b.base.Size(0, int(b.array.start)+1),
		after:  b.base.Size(b.beforeEvent(len(b.events)), len(b.base.Text())),
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
			lead = begin - b.beforeEvent(i) // no edit touches it while the event is there
		}
		end += lead + b.base.Size(begin, int(e.end))
		p.kept = append(p.kept, keptEvent{int32(i), int32(lead), end})
	}
	b.parts.Store(p)
	return p
}

// begin returns the index after the comma before event i.
func (b *Batch) begin(i int) int { return jsontext.AfterComma(b.base.Text(), b.beforeEvent(i)) }
