package batch

import "errors"

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

// Remove removes the value, with its name if it has one, wherever the path
// leads to: of repeated members none stays, also where the parents are repeated.
// It is no error when there is none. An emptied parent stays.
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
	v.remove(place{})
	return nil
}

// fixed refuses what no edit may touch.
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
func (v *Value) remove(keep place) {
	var root place
	var path []string
	w := victim{keep: keep}
	if v.of != nil {
		e := v.entry()
		exists := e.exists()
		switch {
		case exists && v.element:
			v.b.changed()
			e.cut()
			return
		case exists:
			v.siblings.remove(v, keep)
			return
		case v.element:
			return
		}
		root, path, w.name = v.of.root, v.of.path, v.name // somebody may have set it again
	} else {
		if v.removeNoted(keep) {
			v.b.changed()
			return
		}
		last := len(v.path) - 1
		w.name = v.path[last]
		root, path = v.toEach(v.path[:last])
	}
	v.b.changed()
	if p, ok := root.now(); ok {
		v.b.removeAll(p, path, w)
	}
}

// A victim says which members to remove from an object: those of that name but
// for the one at keep.
type victim struct {
	name string
	keep place
}

// removeAll removes w from each object at path, from the value at p on.
func (b *Batch) removeAll(p place, path []string, w victim) {
	if b.first(p) != '{' {
		return
	}
	c := b.entries(p)
	if len(path) > 0 {
		for c.nextNamed(path[0]) {
			if p, ok := c.place().now(); ok {
				b.removeAll(p, path[1:], w)
			}
		}
		return
	}
	for c.nextNamed(w.name) {
		switch at := c.place(); {
		case at == w.keep:
		case c.over:
			at.doc.gone = true
		default:
			p.doc.cutEntry(p.pos, c.prev, c.end)
		}
	}
}

// changed forgets what was computed from the batch before an edit.
func (b *Batch) changed() { b.edits++ }
