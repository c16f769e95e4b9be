package batch

import (
	"github.com/eventferry/eventferry/batch/internal/jsontext"
	"github.com/eventferry/eventferry/batch/internal/splice"
)

// A cursor walks over the members of an object or the elements of an array that
// are left after edits, in order: first those of the document's text, then the
// members that edits added. In the text it stands like this:
//
//	{ "a" : 1 , "b" : 2 }
//	         ^prev   ^value
//	            ^at     ^end
//	               ^colon
type cursor struct {
	doc    *splice.Document
	open   int // the index of the container's opening bracket
	object bool
	known  []memberSpan // what Parse noted down, when the container is the batch
	index  *objectIndex // of the container, if there is one
	n      int          // how many entries came so far
	next1  int          // 1 + the index of the next member in index; 0: none

	prev  int // after the entry before, or after the opening bracket
	at    int // where the member's name, or else the value, begins
	colon int // after the name
	value int
	end   int // after the entry

	escaped bool // the name has escape sequences

	over  bool              // behind the entries of the text
	more  *splice.Additions // then: what edits added; nil if nothing
	added int               // and which of them the entry is
}

// entries returns a cursor before the first entry of the object or array at p.
func (c *content) entries(p splice.Position) cursor {
	cur := cursor{doc: p.Doc, open: p.Offset, object: c.first(p) == '{', end: p.Offset + 1}
	if p == c.root() {
		cur.known = c.members
	}
	if c.lookup != nil {
		cur.index = c.objectIndex(p)
	}
	return cur
}

// next moves to the next entry that is left.
func (c *cursor) next() bool {
	for !c.over && c.scan() {
		if !c.cut() {
			return true
		}
	}
	return c.nextAdded()
}

// nextNamed moves to the next member of that name that is left.
func (c *cursor) nextNamed(name string) bool {
	for !c.over && c.scanNamed(name) {
		if c.is(name) && !c.cut() {
			return true
		}
	}
	c.finishText()
	if c.more == nil {
		return false
	}
	i := c.more.Find(name)
	if i <= c.added {
		return false
	}
	c.added = i
	return true
}

// nextAdded moves to the next member that edits added.
func (c *cursor) nextAdded() bool {
	c.finishText()
	i := c.more.Next(c.added + 1)
	if i < 0 {
		return false
	}
	c.added = i
	return true
}

// finishText moves behind the entries of the text.
func (c *cursor) finishText() {
	if !c.over {
		c.over, c.added, c.more = true, -1, c.doc.Added(c.end)
	}
}

// scan moves to the next entry of the text, which may be cut.
func (c *cursor) scan() bool {
	c.prev = c.end
	if c.known != nil {
		if c.n == len(c.known) {
			return false
		}
		c.take(&c.known[c.n])
		c.n++
		return true
	}
	s := c.doc.Text()
	i := jsontext.SkipSpace(s, c.end)
	switch s[i] {
	case ',':
		i = jsontext.SkipSpace(s, i+1)
	case '}', ']':
		return false
	}
	c.at = i
	if c.object {
		c.colon, c.escaped = jsontext.SkipString(s, i)
		i = jsontext.SkipColon(s, c.colon)
	}
	c.value, c.end = i, jsontext.SkipValue(s, i)
	c.n++
	return true
}

// scanNamed moves to the next entry of the text that may be of that name. Of the
// members that Parse noted down it only looks at those that may be it, and of those
// in an index only at those that are.
func (c *cursor) scanNamed(name string) bool {
	if c.index != nil {
		return c.jump(name)
	}
	for c.n < len(c.known) && !c.known[c.n].maybe(name) {
		c.end = int(c.known[c.n].end)
		c.n++
	}
	return c.scan()
}

// jump moves to the next member of the index of that name.
func (c *cursor) jump(name string) bool {
	if c.n == 0 {
		if same, ok := c.index.named[name]; ok {
			c.next1 = same.first + 1
		}
	}
	if c.next1 == 0 {
		c.end = c.index.end
		return false
	}
	m := &c.index.members[c.next1-1]
	c.prev, c.at, c.colon, c.value, c.end, c.escaped = m.prev, m.at, m.colon, m.value, m.end, m.escaped
	c.next1 = m.next
	c.n++
	return true
}

// skipKnown moves to the last of the entries of the text if Parse noted them down.
func (c *cursor) skipKnown() bool {
	if c.known == nil {
		return false
	}
	c.n = len(c.known)
	c.end = int(c.known[c.n-1].end)
	return true
}

// take moves to a member that Parse noted down.
func (c *cursor) take(m *memberSpan) {
	c.at, c.colon, c.end, c.escaped = int(m.at), int(m.colon), int(m.end), m.escaped
	c.value = m.valueAt(c.doc.Text())
}

// cut reports whether an edit has removed the entry of the text.
func (c *cursor) cut() bool { return c.doc.IsCut(c.value) }

// is reports whether the entry is a member of that name.
func (c *cursor) is(name string) bool {
	switch {
	case c.over:
		return c.more.Name(c.added) == name
	case !c.object:
		return false
	case c.escaped:
		return c.name() == name
	}
	return string(c.doc.Text()[c.at+1:c.colon-1]) == name
}

// name returns the member's name, or "" for an element.
func (c *cursor) name() string {
	switch {
	case c.over:
		return c.more.Name(c.added)
	case !c.object:
		return ""
	}
	return string(jsontext.Unquote(c.doc.Text()[c.at:c.colon]))
}

// position returns the position of the entry's value.
func (c *cursor) position() splice.Position {
	if c.over {
		return splice.Position{Doc: c.more.Value(c.added)}
	}
	return splice.Position{Doc: c.doc, Offset: c.value}
}

// remove removes the entry.
func (c *cursor) remove() {
	if c.over {
		c.more.Value(c.added).Discard()
	} else {
		c.doc.CutEntry(c.open, c.prev, c.end)
	}
}

// entry returns the entry for later.
func (c *cursor) entry() entry {
	e := entry{root: c.position(), added: c.over}
	if !c.over {
		e.open, e.prev, e.end = int32(c.open), int32(c.prev), int32(c.end)
	}
	return e
}

// An entry is a member or an element that a cursor has come by.
type entry struct {
	root            splice.Position // of its value
	open, prev, end int32           // for splice.Document.CutEntry; the value ends at end
	added           bool            // an edit has added it: there are none of these
}

// exists reports whether the entry is still there.
func (e *entry) exists() bool {
	_, ok := e.root.Now()
	return ok
}

// cut removes the entry.
func (e *entry) cut() {
	if e.added {
		e.root.Doc.Discard()
	} else {
		e.root.Doc.CutEntry(int(e.open), int(e.prev), int(e.end))
	}
}
