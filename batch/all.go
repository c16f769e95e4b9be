package batch

import "iter"

// All iterates over the members of an object with their names, or over the
// elements of an array with the name "". The batch may be edited meanwhile: what
// is removed before its turn is not visited, what is added may be.
//
// Each yielded value stands for that one occurrence, also where members are
// repeated. Once that is removed, or what it was in is removed or replaced, the
// value reads as nothing, whatever is set there later. To set it again is to set
// the member of that name in what All went through; an element cannot be set again.
func (v Value) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		s := new(siblings)
		at, path := v.toEach(v.path)
		if p, ok := at.now(); ok {
			v.b.occurrences(p, path, func(p place) bool { return v.entries(p, s, yield) })
		}
	}
}

// occurrences yields every value at path, from the one at p on.
func (b *Batch) occurrences(p place, path []string, yield func(place) bool) bool {
	if len(path) == 0 {
		return yield(p)
	}
	if b.first(p) != '{' {
		return true
	}
	c := b.entries(p)
	for c.nextNamed(path[0]) {
		if p, ok := c.place().now(); ok && !b.occurrences(p, path[1:], yield) {
			return false
		}
	}
	return true
}

// entries yields the members or elements of the value at p.
func (v *Value) entries(p place, s *siblings, yield func(string, Value) bool) bool {
	if first := p.first(); first != '{' && first != '[' {
		return true
	}
	whole := v.whole()
	child := Value{b: v.b, depth: v.depth + len(v.path) + 1, of: v, siblings: s, open: p.pos, element: p.first() == '['}
	c := v.b.entries(p)
	for c.next() {
		child.root, child.name, child.prev, child.added = c.place(), c.name(), c.prev, c.over
		switch {
		case c.object:
			child.kind = whole.member(child.name)
		case whole == eventsMember:
			child.kind = eventObject
		}
		if !yield(child.name, child) {
			return false
		}
	}
	return true
}
