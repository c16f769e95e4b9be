package batch

// siblings are the members that one call of All yields. They are noted by name
// when the first of them is edited, so that those of one name are found without
// going through the objects, which may be large, for each edit.
type siblings struct {
	named map[string]chain
	list  []sibling
	fixed bool // no edit can add another one while those of its name exist
	edits int  // else: of the batch, when the notes were right last
}

type sibling struct {
	entry
	next int // 1 + the index of the next one of that name; 0: none
}

// An entry is one member or element that All has found.
type entry struct {
	root       place
	open, prev int // see document.cutEntry
	added      bool
}

func (e *entry) exists() bool {
	_, ok := e.root.now()
	return ok
}

func (e *entry) cut() {
	if e.added {
		e.root.doc.gone = true
	} else {
		e.root.doc.cutEntry(e.open, e.prev, e.root.end())
	}
}

// A chain holds the indexes of the first and the last sibling of one name.
type chain struct{ first, last int }

// remove removes v, which exists, and the others of its name but for the one at
// keep.
func (s *siblings) remove(v *Value, keep place) {
	if s.named == nil || !s.fixed && s.edits != v.b.edits {
		s.note(v.of)
	}
	v.b.changed()
	s.edits = v.b.edits
	if e := v.entry(); e.root != keep { // it may be too new for the notes
		e.cut()
	}
	others, ok := s.named[v.name]
	if !ok {
		return
	}
	for i := others.first + 1; i > 0; i = s.list[i-1].next {
		if m := &s.list[i-1]; m.root != keep && m.exists() {
			m.cut()
		}
	}
}

// note notes the members of v.
func (s *siblings) note(v *Value) {
	s.named, s.list = map[string]chain{}, s.list[:0]
	p, ok := v.root.now()
	if !ok {
		return
	}
	s.fixed = v.b.lone(p, v.path)
	v.b.occurrences(p, v.path, func(p place) bool {
		if p.first() != '{' {
			return true
		}
		for c := v.b.entries(p); c.next(); {
			name, i := c.name(), len(s.list)
			s.list = append(s.list, sibling{entry: entry{c.place(), p.pos, c.prev, c.over}})
			names, ok := s.named[name]
			if ok {
				s.list[names.last].next = i + 1
			} else {
				names.first = i
			}
			names.last = i
			s.named[name] = names
		}
		return true
	})
}

// lone tells whether there is only one value at path, and only one of each of
// its parents, from the value at p on. Then it stays the only one as long as it
// exists, as Set adds a member only where there is none of that name.
func (b *Batch) lone(p place, path []string) bool {
	for _, name := range path {
		if p.first() != '{' {
			return false
		}
		c := b.entries(p)
		if !c.nextNamed(name) {
			return false
		}
		at := c.place()
		if c.nextNamed(name) {
			return false
		}
		p, _ = at.now()
	}
	return true
}
