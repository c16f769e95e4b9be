package batch

import (
	"iter"

	"github.com/eventferry/eventferry/batch/internal/splice"
)

// All iterates over the members of an object with their names, or over the
// elements of an array with the name "". The batch may be edited meanwhile: an
// entry that is removed before its turn is not visited, an added one may be.
//
// Each yielded value stands for that one occurrence, also where members are
// repeated. Once that is removed, or a container around it is removed or replaced,
// the value reads as nothing, whatever is set there later. Setting it again sets the
// member of that name in the object of this All; an element cannot be set again.
func (v Value) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.b == nil {
			return
		}
		var g *group
		at, path := v.b.resolveAll(v.root, v.from, v.path)
		if p, ok := at.Now(); ok {
			v.b.occurrences(p, path, func(p splice.Position) bool { return v.entries(p, &g, yield) })
		}
	}
}

// entries yields the members or elements of the value at p. The members are in the
// group at g, which is made for the first of them.
func (v *Value) entries(p splice.Position, g **group, yield func(string, Value) bool) bool {
	whole := v.whole()
	child := Value{b: v.b, depth: v.depth + int32(len(v.path)) + 1}
	switch p.First() {
	case '[':
		child.element = true
	case '{':
		if *g == nil {
			*g = &group{root: v.root, path: v.path}
		}
		child.group = *g
	default:
		return true
	}
	c := v.b.content.entries(p)
	for c.next() {
		child.entry, child.name = c.entry(), c.name()
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
