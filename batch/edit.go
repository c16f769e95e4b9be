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
	if err := v.fixed(); err != nil {
		return err
	}
	if v.whole() == eventType {
		return errEventType
	}
	v.remove(place{})
	return nil
}

// fixed refuses what no edit may touch.
func (v *Value) fixed() error {
	switch v.whole() {
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
	v.b.changed()
	root, path, w := v.root, v.path, victim{keep: keep}
	switch {
	case v.of != nil && (v.element || v.siblings.unlike(v.of)):
		if _, ok := v.root.now(); ok || v.element {
			if ok && v.root != keep {
				v.cut()
			}
			return
		}
		fallthrough // somebody may have set it again
	case v.of != nil:
		root, path, w.name = v.of.root, v.of.path, v.name
	default:
		last := len(path) - 1
		path, w.name = path[:last], path[last]
	}
	if p, ok := root.now(); ok {
		v.b.removeAll(p, path, w)
	}
}

// cut removes the one value that All found.
func (v *Value) cut() {
	if v.added {
		v.root.doc.gone = true
	} else {
		v.root.doc.cutEntry(v.open, v.prev, v.root.end())
	}
}

// siblings are what one call of All yields.
type siblings struct{ known, differ bool }

// unlike tells whether all siblings, the members of v, have different names, so
// that none has to be looked for when another one is edited. Edits never change
// that. It looks once, as objects may be large.
func (s *siblings) unlike(v *Value) bool {
	if s.known {
		return s.differ
	}
	s.known, s.differ = true, true
	names, objects := map[string]bool{}, 0
	if p, ok := v.root.now(); ok {
		v.b.occurrences(p, v.path, func(p place) bool {
			if objects++; p.first() == '{' {
				c := v.b.entries(p)
				for c.next() {
					name := c.name()
					s.differ = s.differ && !names[name]
					names[name] = true
				}
			}
			return true
		})
	}
	s.differ = s.differ && objects == 1
	return s.differ
}

// A victim says which members to remove from an object: those of that name but
// for the one at keep.
type victim struct {
	name string
	keep place
}

// removeAll removes w from each object at path, from the value at p on.
func (b *Batch) removeAll(p place, path []string, w victim) {
	if p.first() != '{' {
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
