package batch

import "github.com/eventferry/eventferry/batch/internal/splice"

// A content is the text of a batch with what Parse has noted down about it, and
// the edits since. It finds values and edits them, whatever that means to a batch.
type content struct {
	base splice.Document
	index
	edits  int // how often it was edited
	lookup *lookup
}

// changed forgets what was computed from the batch before an edit.
func (c *content) changed() { c.edits++ }

// root returns the position of the batch itself.
func (c *content) root() splice.Position { return splice.Position{Doc: &c.base, Offset: c.start()} }

// first returns the first byte of the value at p, which tells its type. That of
// the batch needs no look at the text.
func (c *content) first(p splice.Position) byte {
	if p.Offset == c.start() && p.Doc == &c.base {
		return '{'
	}
	return p.First()
}

// last returns the position of the last member with that name of the value at p.
func (c *content) last(p splice.Position, name string) (last splice.Position, ok bool) {
	last, found, _ := c.search(p, name)
	return last, found > 0
}

// lastForEdit is last for an edit. It returns how many members of that name there
// are.
func (c *content) lastForEdit(p splice.Position, name string) (last splice.Position, found int) {
	if p == c.root() && !c.names.maybe(name) && c.base.Added(c.membersEnd()) == nil {
		return p, 0
	}
	last, found, entries := c.search(p, name)
	if entries >= largeObject {
		c.noteSearch(p)
	}
	return last, found
}

// search is last, and returns how many members of that name it found, and how many
// entries of the text it went through.
func (c *content) search(p splice.Position, name string) (last splice.Position, found, entries int) {
	if c.first(p) != '{' {
		return p, 0, 0
	}
	cur := c.entries(p)
	for cur.nextNamed(name) {
		last = cur.position()
		found++
	}
	return last, found, cur.n
}

// occurrences yields every value at path, from the one at p on.
func (c *content) occurrences(p splice.Position, path []string, yield func(splice.Position) bool) bool {
	if len(path) == 0 {
		return yield(p)
	}
	if c.first(p) != '{' {
		return true
	}
	cur := c.entries(p)
	for cur.nextNamed(path[0]) {
		if p, ok := cur.position().Now(); ok && !c.occurrences(p, path[1:], yield) {
			return false
		}
	}
	return true
}

// only reports whether there is only one value at path, and only one of each of
// its parents, from the value at p on. Then it stays the only one as long as it
// exists, as Set adds a member only where there is none of that name.
func (c *content) only(p splice.Position, path []string) bool {
	for _, name := range path {
		if p.First() != '{' {
			return false
		}
		cur := c.entries(p)
		if !cur.nextNamed(name) {
			return false
		}
		at := cur.position()
		if cur.nextNamed(name) {
			return false
		}
		p, _ = at.Now()
	}
	return true
}

// A removal says which members to remove from an object: those of that name but
// for the one at keep.
type removal struct {
	name string
	keep splice.Position
}

// remove removes r from each object at path, from the value at p on.
func (c *content) remove(p splice.Position, path []string, r removal) {
	if c.first(p) != '{' {
		return
	}
	cur := c.entries(p)
	if len(path) > 0 {
		for cur.nextNamed(path[0]) {
			if p, ok := cur.position().Now(); ok {
				c.remove(p, path[1:], r)
			}
		}
		return
	}
	for cur.nextNamed(r.name) {
		if at := cur.position(); at != r.keep {
			cur.remove()
		}
	}
	if cur.n >= largeObject {
		c.noteSearch(p)
	}
}

// replace puts text in the place of the value at p, or a copy of what is shared.
func (c *content) replace(p splice.Position, text []byte, shared bool) {
	c.changed()
	if shared {
		p.ReplaceByCopy(text)
	} else {
		p.Replace(text)
	}
}

// insert adds a member to the object at p, which has none of that name, with text as
// its value, or a copy of what is shared.
func (c *content) insert(p splice.Position, name string, text []byte, shared bool) {
	c.changed()
	if x := c.objectIndex(p); x != nil && p.Doc.Added(x.end) != nil {
		p.Doc.AddMember(x.end, false, name, text, shared) // behind others, so it is not the first
		return
	}
	cur := c.entries(p)
	first := true
	for cur.scan() {
		if first = first && cur.cut(); !first && cur.skipKnown() {
			break
		}
	}
	p.Doc.AddMember(cur.end, first, name, text, shared)
	if cur.n >= largeObject {
		c.noteSearch(p)
	}
}
