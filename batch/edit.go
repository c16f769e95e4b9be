package batch

import (
	"errors"
	"slices"
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

// location returns where the value is as a path from a root. The path is empty
// for an element of an array, of which there is only one.
func (v *Value) location() (root place, path []string) {
	if v.of == nil || v.element {
		return v.root, v.path
	}
	return v.of.root, append(slices.Clip(v.of.path), v.name)
}

// remove removes every occurrence of the value but the one at keep.
func (v *Value) remove(keep place) {
	v.b.changed()
	if v.element && len(v.path) == 0 {
		if p, ok := v.of.root.now(); ok {
			v.b.occurrences(p, v.of.path, func(p place) bool {
				if p.first() == '[' {
					v.b.cut(p, func(c *cursor) bool { return c.place() == v.root }, nil)
				}
				return true
			})
		}
		return
	}
	root, path := v.location()
	p, ok := root.now()
	if !ok {
		return
	}
	name := path[len(path)-1]
	v.b.occurrences(p, path[:len(path)-1], func(p place) bool {
		if p.first() == '{' {
			v.b.cut(p,
				func(c *cursor) bool { return sameName(c.name(), name) && c.place() != keep },
				func(m addition) bool { return m.name == name && m.value != keep.doc })
		}
		return true
	})
}

// cut removes entries from the value at p, an object or an array: those that
// parsed says, and of the members that edits added those that added says.
func (b *Batch) cut(p place, parsed func(*cursor) bool, added func(addition) bool) {
	cuts := cutter{doc: p.doc, run: -1}
	c := b.entries(p)
	for c.next() {
		cuts.entry(c.prev, c.begin, !c.cut() && !parsed(&c))
	}
	cuts.finish(c.end)
	i, ok := p.doc.addedAt(c.end)
	if !ok {
		return
	}
	s := &p.doc.splices[i]
	s.comma = cuts.kept
	s.members = slices.DeleteFunc(slices.Clone(s.members), func(m addition) bool {
		if added(m) {
			m.value.gone = true
		}
		return m.value.gone
	})
	if len(s.members) == 0 {
		p.doc.splices = slices.Delete(p.doc.splices, i, i+1)
	}
}

// A cutter cuts entries out of a container, with the commas that go with them.
// It must be told of all entries, in order, whether they stay: the first that
// does loses the comma before it, every other one keeps it. So the result does
// not depend on the order in which entries are removed.
type cutter struct {
	doc  *document
	run  int // where the entries that are to be cut begin, or -1
	kept bool
}

// entry takes the next entry: prev is the index after the one before it, begin
// the index after the comma between them.
func (c *cutter) entry(prev, begin int, keep bool) {
	switch {
	case !keep && c.run < 0:
		c.run = prev
	case keep && c.run >= 0 && c.kept:
		c.doc.put(splice{start: c.run, end: prev})
		c.run = -1
	case keep && c.run >= 0:
		c.doc.put(splice{start: c.run, end: begin})
		c.run = -1
	}
	c.kept = c.kept || keep
}

// finish takes the index after the last entry.
func (c *cutter) finish(end int) {
	if c.run >= 0 {
		c.doc.put(splice{start: c.run, end: end})
	}
}

// changed forgets what was computed from the batch before an edit.
func (b *Batch) changed() { b.parts.Store(nil) }
