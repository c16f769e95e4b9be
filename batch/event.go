package batch

import "iter"

// An Event is one element of a batch's events. It stays valid while the batch
// is edited. Once it is dropped, none of its values exist any more, Type and Name
// return "", and only Index and ParsedType return what they did.
type Event struct {
	b *Batch
	i int
}

// NumEvents returns how many events are left.
func (b *Batch) NumEvents() int { return b.left }

// Events iterates over the events that are left, in order, with a count of those
// before that it yielded. The batch may be edited meanwhile, and events dropped:
// then the count goes on, while [Batch.AppendEvents] counts what is left.
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

// Type returns the event's event_type, one of the constants of this package or
// another. It follows edits.
func (e Event) Type() string {
	if e.b == nil || e.b.dropped.has(e.i) {
		return ""
	}
	if code := e.b.events[e.i].code; code != otherType && !e.b.retyped {
		return typeNames[code]
	}
	text, _ := e.At("event_type").Text()
	return text
}

// ParsedType returns what Type returned when the batch had been parsed, whatever
// was edited since. It is the same in clones.
func (e Event) ParsedType() string {
	if e.b == nil {
		return ""
	}
	if code := e.b.events[e.i].code; code != otherType {
		return typeNames[code]
	}
	unedited := &Batch{index: e.b.index}
	unedited.base.text = e.b.base.text
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
	return Value{b: e.b, root: place{&e.b.base, int(e.b.events[e.i].start)}, kind: eventObject, event: e.i + 1, path: path, depth: 2}
}
