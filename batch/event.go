package batch

import (
	"iter"

	"github.com/eventferry/eventferry/batch/internal/splice"
)

// An Event is one element of a batch's events. It stays valid while the batch
// is edited. Once it is dropped, its values no longer exist, Type and Name return
// "", and only Index and ParsedType still return what they did.
type Event struct {
	b *Batch
	i int
}

// NumEvents returns the number of remaining events.
func (b *Batch) NumEvents() int { return int(b.left) }

// Events iterates over the remaining events, in order, and numbers them from 0. The
// batch may be edited meanwhile. If events are dropped meanwhile, the numbers go on,
// while [Batch.AppendEvents] numbers the events that remain.
func (b *Batch) Events() iter.Seq2[int, Event] {
	return func(yield func(int, Event) bool) {
		n := 0
		for i := range b.events {
			if b.dropped.has(i) {
				continue
			}
			if !yield(n, Event{b, i}) {
				return
			}
			n++
		}
	}
}

// Index returns the event's position in the batch as it was parsed, counting
// from 0 and counting dropped events too. It is the same in clones.
func (e Event) Index() int { return e.i }

// Type returns the event's event_type: one of the constants of this package,
// whatever the case of the letters in the batch, or else the text as it is. It
// follows edits.
func (e Event) Type() string {
	if e.b == nil || e.b.dropped.has(e.i) {
		return ""
	}
	if code := e.b.events[e.i].code; code != otherType && !e.b.retyped {
		return typeNames[code]
	}
	text, _ := e.At("event_type").Text()
	if code := codeOf(text); code != otherType {
		return typeNames[code]
	}
	return text
}

// UnlistedEvents is for the forwarder, which reports the types that it does not
// forward: it iterates over the remaining events whose type is none of the
// constants of this package. It looks at no event when there is none.
func (b *Batch) UnlistedEvents() iter.Seq[Event] {
	return func(yield func(Event) bool) {
		if !b.retyped && !b.types.has(otherType) {
			return
		}
		for _, e := range b.Events() {
			if !IsForwarded(e.Type()) && !yield(e) {
				return
			}
		}
	}
}

// ParsedType is for the forwarder, which must know an event's type when a filter
// has changed it: it returns what Type returned when the batch had been parsed.
// It is the same in clones.
func (e Event) ParsedType() string {
	if e.b == nil {
		return ""
	}
	if code := e.b.events[e.i].code; code != otherType {
		return typeNames[code]
	}
	unedited := &Batch{}
	unedited.index = e.b.index
	unedited.base.SetText(e.b.base.Text())
	return Event{unedited, e.i}.Type()
}

// Name returns the event's data.event_name, which custom events have and some
// others. It is "" when there is none.
func (e Event) Name() string {
	text, _ := e.At("data", "event_name").Text()
	return text
}

// At returns the value at a path of member names that begins in the event
// object: e.At("data", "location"). See [Batch.At].
func (e Event) At(path ...string) Value {
	if e.b == nil {
		return Value{}
	}
	root := splice.Position{Doc: &e.b.base, Offset: int(e.b.events[e.i].start)}
	return Value{b: e.b, entry: entry{root: root}, from: fromEvent + origin(e.i), kind: eventObject, depth: 2, path: path}
}
