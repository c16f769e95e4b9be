package batch

import (
	"errors"

	"github.com/eventferry/eventferry/batch/internal/splice"
)

var (
	errNoBatch   = errors.New("batch: value belongs to no batch")
	errUserID    = errors.New("batch: mpid cannot be edited")
	errEvents    = errors.New("batch: events cannot be edited as a whole: use DropEvents, or edit their members")
	errEventType = errors.New("batch: event_type cannot be removed, and must be a string")
	errWhole     = errors.New("batch: the batch itself cannot be replaced or removed")
	errParent    = errors.New("batch: set: what should hold the member is not an object")
	errGone      = errors.New("batch: set: the value is no longer in the batch")
	errDepth     = errors.New("batch: set: more than 1000 objects and arrays inside one another")
)

// Remove removes the value, with its name if it has one, everywhere the path leads:
// no repeated member stays, also where parents are repeated. It is no error when
// there is none. An emptied parent stays.
//
// It refuses to remove mpid, the event_type of an event, and the events
// themselves, which [Batch.DropEvents] drops.
func (v Value) Remove() error {
	if v.b == nil {
		return nil
	}
	whole := v.whole()
	if err := whole.fixed(); err != nil {
		return err
	}
	if whole == eventType {
		return errEventType
	}
	v.remove(splice.Position{})
	return nil
}

// fixed returns the error for a kind that no edit may touch.
func (k kind) fixed() error {
	switch k {
	case batchObject:
		return errWhole
	case userID:
		return errUserID
	case eventsMember, eventObject:
		return errEvents
	}
	return nil
}

// remove removes every occurrence of the value but the one at keep.
func (v *Value) remove(keep splice.Position) {
	if v.yielded() {
		v.removeEntry(keep)
		return
	}
	if v.b.removeIndexed(v.from, v.path, keep) {
		v.b.changed()
		return
	}
	last := len(v.path) - 1
	at, parents := v.b.resolveAll(v.root, v.from, v.path[:last])
	v.b.removeNamed(at, parents, removal{v.path[last], keep})
}

// removeEntry is remove for a value that All yielded.
func (v *Value) removeEntry(keep splice.Position) {
	exists := v.exists()
	switch {
	case exists && v.element:
		v.b.changed()
		v.cut()
	case exists:
		v.group.remove(&v.b.content, v.name, v.entry, keep)
	case !v.element: // its name may have been set again
		v.b.removeNamed(v.group.root, v.group.path, removal{v.name, keep})
	}
}

func (b *Batch) removeNamed(root splice.Position, path []string, r removal) {
	b.changed()
	if p, ok := root.Now(); ok {
		b.content.remove(p, path, r)
	}
}
