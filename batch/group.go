package batch

import "github.com/eventferry/eventferry/batch/internal/splice"

// A group holds the members that one call of All yields. They are noted down by
// name when the first of them is edited, so that those of one name are found
// without going through the objects, which may be large, for each edit.
type group struct {
	root    splice.Position // the path from here leads to the objects
	path    []string
	named   map[string]chain
	members []groupMember
	fixed   bool // no edit can add another one while those of its name exist
	edits   int  // else: of the batch, when the notes were right last
}

type groupMember struct {
	entry
	next int // 1 + the index of the next one of that name; 0: none
}

// remove removes e, which exists and has that name, and the others of its name but
// for the one at keep.
func (g *group) remove(c *content, name string, e entry, keep splice.Position) {
	if g.named == nil || !g.fixed && g.edits != c.edits {
		g.note(c)
	}
	c.changed()
	g.edits = c.edits
	if e.root != keep { // it may be too new for the notes
		e.cut()
	}
	others, ok := g.named[name]
	if !ok {
		return
	}
	for i := others.first + 1; i > 0; i = g.members[i-1].next {
		if m := &g.members[i-1]; m.root != keep && m.exists() {
			m.cut()
		}
	}
}

// note notes down the members.
func (g *group) note(c *content) {
	g.named, g.members = map[string]chain{}, g.members[:0]
	p, ok := g.root.Now()
	if !ok {
		return
	}
	g.fixed = c.only(p, g.path)
	c.occurrences(p, g.path, func(p splice.Position) bool {
		if p.First() != '{' {
			return true
		}
		for cur := c.entries(p); cur.next(); {
			name, i := cur.name(), len(g.members)
			g.members = append(g.members, groupMember{entry: cur.entry()})
			if last, ok := addToChain(g.named, name, i); ok {
				g.members[last].next = i + 1
			}
		}
		return true
	})
}
