package batch

import (
	"context"
	"slices"
)

// A Filter decides how much of a batch is forwarded. It may edit b, a private copy,
// drop events, or drop the whole batch: then it returns the error that [Drop] makes,
// alone or wrapped. After any other error, joined with a drop or not, nothing of the
// batch is forwarded. Such an error counts as one that may pass, so the batch may come
// again: where the batch itself is the reason, return it by [MarkPermanent]. A Filter
// must be safe for use by several goroutines at once.
type Filter interface {
	// Filter decides about b, which it must not keep. ctx is the caller's.
	Filter(ctx context.Context, b *Batch) error
}

// A FilterFunc is a function used as a [Filter].
type FilterFunc func(ctx context.Context, b *Batch) error

// Filter calls f.
func (f FilterFunc) Filter(ctx context.Context, b *Batch) error { return f(ctx, b) }

// Drop returns the error by which a filter drops the whole batch. The reason is
// reported and counted: make it a constant, never payload.
func Drop(reason string) error { return &dropError{reason} }

// DropReason returns the reason of an error made by [Drop], which err may wrap. It
// reports false when err joins that with another error: a drop must not hide one.
func DropReason(err error) (reason string, ok bool) {
	for err != nil {
		switch e := err.(type) { //nolint:errorlint // this goes through the wrappers one by one
		case *dropError:
			return e.reason, true
		case interface{ Unwrap() error }:
			err = e.Unwrap()
		case interface{ Unwrap() []error }:
			err = only(e.Unwrap())
		default:
			return "", false
		}
	}
	return "", false
}

// only returns the one error of a list, or nil if there are several or none.
func only(list []error) error {
	list = slices.DeleteFunc(slices.Clone(list), func(err error) bool { return err == nil })
	if len(list) != 1 {
		return nil
	}
	return list[0]
}

type dropError struct{ reason string }

func (e *dropError) Error() string { return "batch: dropped: " + e.reason }

// DroppedEvents says how many events one call of [Batch.DropEvents] dropped.
type DroppedEvents struct {
	Reason string
	Events int
}

// usualDrops is how many calls drop something of one batch, and seldom more.
const usualDrops = 4

// Dropped returns an entry for each call of [Batch.DropEvents] or [Batch.DropTypes]
// that dropped events of this batch, in the order in which the calls ended. A clone
// begins with none.
func (b *Batch) Dropped() []DroppedEvents { return b.drops[:len(b.drops):len(b.drops)] }

// DropEvents drops the events for which drop returns true, and returns their number.
// The reason is reported and counted: make it a constant, never payload.
//
// Each event is gone once drop has returned for it. So drop sees the batch without
// the events dropped before, and they stay dropped, and count, when it panics. It
// may edit the batch. Events that it drops by a call of its own count there only.
func (b *Batch) DropEvents(reason string, drop func(Event) bool) int {
	n := 0
	defer func() { // also when drop panics
		if n > 0 {
			if b.drops == nil {
				b.drops = make([]DroppedEvents, 0, usualDrops)
			}
			b.drops = append(b.drops, DroppedEvents{reason, n})
		}
	}()
	for i := range b.events {
		if b.dropped.has(i) || !drop(Event{b, i}) || b.dropped.has(i) {
			continue
		}
		if b.onDrop != nil {
			b.onDrop(reason, Event{b, i})
		}
		b.changed()
		b.dropped.add(i, len(b.events))
		b.left--
		b.base.CutEntry(int(b.array.start), b.beforeEvent(i), int(b.events[i].end))
		n++
	}
	return n
}

// OnDrop is for the forwarder, which explains what filters did: it has f called
// with each event that [Batch.DropEvents] is about to drop, and the reason. A clone
// begins without f.
func (b *Batch) OnDrop(f func(reason string, e Event)) { b.onDrop = f }

// DropTypes drops the events for whose type, as [Event.Type] returns it, match
// returns true, and returns their number. It is a faster [Batch.DropEvents]: as long
// as no event_type was edited, match is called once for each type that is a constant
// of this package, and no event is looked at when none has to go. match must always
// return the same for one type.
func (b *Batch) DropTypes(reason string, match func(eventType string) bool) int {
	if b.retyped {
		return b.DropEvents(reason, func(e Event) bool { return match(e.Type()) })
	}
	types := b.types.matching(match)
	if types == 0 {
		return 0
	}
	return b.DropEvents(reason, func(e Event) bool {
		code := b.events[e.i].code
		return types.has(code) && (code != otherType || match(e.Type()))
	})
}
