package batch

import "iter"

// All iterates over the members of an object with their names, or over the
// elements of an array with the name "". The batch may be edited meanwhile: what
// is removed before its turn is not visited, what is added may be.
//
// Each yielded value stands for that one occurrence, also where members are
// repeated.
func (v Value) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if p, ok := v.root.now(); ok {
			v.b.occurrences(p, v.path, func(p place) bool { return v.entries(p, yield) })
		}
	}
}

// occurrences yields every value at path, from the one at p on.
func (b *Batch) occurrences(p place, path []string, yield func(place) bool) bool {
	if len(path) == 0 {
		return yield(p)
	}
	return b.named(p, path[0], func(m place) bool {
		m, ok := m.now()
		return !ok || b.occurrences(m, path[1:], yield)
	})
}

// named yields the place of each member with that name of the value at p.
func (b *Batch) named(p place, name string, yield func(place) bool) bool {
	if p.first() != '{' {
		return true
	}
	c := b.entries(p)
	for c.next() {
		if sameName(c.name(), name) && !c.cut() && !yield(c.place()) {
			return false
		}
	}
	for _, m := range c.added() {
		if m.name == name && !m.value.gone && !yield(place{m.value, 0}) {
			return false
		}
	}
	return true
}

// entries yields the members or elements of the value at p.
func (v *Value) entries(p place, yield func(string, Value) bool) bool {
	whole := v.whole()
	child := Value{b: v.b, depth: v.depth + len(v.path) + 1, of: v}
	switch p.first() {
	default:
		return true
	case '[':
		child.element = true
		if whole == eventsMember {
			child.kind = eventObject
		}
	case '{':
	}
	c := v.b.entries(p)
	for c.next() {
		if c.cut() {
			continue
		}
		child.root = c.place()
		if c.object {
			child.name = string(unquote(c.name()))
			child.kind = whole.member(child.name)
		}
		if !yield(child.name, child) {
			return false
		}
	}
	for _, m := range c.added() {
		if m.value.gone {
			continue
		}
		child.root, child.name, child.kind = place{m.value, 0}, m.name, whole.member(m.name)
		if !yield(m.name, child) {
			return false
		}
	}
	return true
}
