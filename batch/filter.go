package batch

import (
	"context"
	"slices"
)

// A Filter decides what of a batch is forwarded: it may edit b, which is its
// caller's own copy, drop events, or drop the whole batch by returning the error
// that [Drop] makes, alone or wrapped. After any other error, joined with a drop
// or not, nothing of the batch is forwarded. It must be safe for use by several
// goroutines at once.
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

// DropReason returns the reason of an error made by [Drop], which err may wrap.
// It reports false when err joins that with another error, which a decision to
// drop would hide.
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

// Dropped returns what calls of [Batch.DropEvents] dropped from this batch, in
// the order in which they ended, without those that dropped nothing. A clone
// begins with none.
func (b *Batch) Dropped() []DroppedEvents { return b.drops[:len(b.drops):len(b.drops)] }

// DropEvents drops the events for which drop returns true, and returns how many
// they were. The reason is reported and counted: make it a constant, never
// payload.
//
// Each event is gone once drop has returned, so drop sees the batch without
// those before, and when it panics they stay dropped and are counted. It may
// edit the batch. Events that it drops by a call of its own count there only.
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
		b.changed()
		b.dropped.add(i, len(b.events))
		b.left--
		b.base.cutEntry(int(b.array.start), b.prev(i), int(b.events[i].end))
		n++
	}
	return n
}

// DropTypes drops the events for whose type, as [Event.Type] returns it, match
// returns true, and returns how many they were. It is [Batch.DropEvents], but as
// long as no event_type was edited, and all are constants of this package, it asks
// for each type once, and looks at no event when none has to go. match must always
// answer the same.
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
