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
	case v.element:
		root, path, w.element = v.of.root, v.of.path, v.root
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

// A victim says what to remove from a container: the members of that name but
// for the one at keep, or the element at that place.
type victim struct {
	name    string
	keep    place
	element place
}

func (w *victim) is(c *cursor) bool {
	if w.element.doc != nil {
		return c.place() == w.element
	}
	return c.is(w.name) && c.place() != w.keep
}

// removeAll removes w from each value at path, from the one at p on.
func (b *Batch) removeAll(p place, path []string, w victim) {
	if first := p.first(); first != '{' && first != '[' {
		return
	}
	if len(path) == 0 {
		b.removeFrom(p, w)
		return
	}
	c := b.entries(p)
	for c.nextNamed(path[0]) {
		if p, ok := c.place().now(); ok {
			b.removeAll(p, path[1:], w)
		}
	}
}

// removeFrom removes w from the object or array at p.
func (b *Batch) removeFrom(p place, w victim) {
	cuts := cutter{doc: p.doc, run: -1}
	c := b.entries(p)
	for c.scan() {
		cuts.entry(c.prev, !c.cut() && !w.is(&c))
	}
	cuts.finish(c.end)
	i, ok := p.doc.addedAt(c.end)
	if !ok {
		return
	}
	added := p.doc.splices[i].added
	added.comma = cuts.kept
	for _, m := range added.members {
		if m.name == w.name && m.value != w.keep.doc {
			m.value.gone = true
		}
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

// entry takes the next entry: prev is the index after the one before it.
func (c *cutter) entry(prev int, keep bool) {
	switch {
	case !keep && c.run < 0:
		c.run = prev
	case keep && c.run >= 0:
		end := prev
		if !c.kept {
			end = afterComma(c.doc.text, prev)
		}
		c.doc.put(splice{start: c.run, end: end})
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
func (b *Batch) changed() { b.edits++ }
