package batch

// A place is where a value begins in a document, as it was before edits.
type place struct {
	doc *document
	pos int
}

// now follows a place to where its value is after all edits: into what replaced
// it. It reports false when nothing is there any more.
func (p place) now() (place, bool) {
	if p.doc == nil || p.pos >= len(p.doc.text) || !p.doc.alive() {
		return p, false
	}
	for {
		s := p.doc.covering(p.pos)
		switch {
		case s == nil:
			return p, true
		case s.value == nil || s.start != p.pos:
			return p, false
		}
		p = place{s.value, 0}
	}
}

// first returns the first byte of the value, which tells its type.
func (p place) first() byte { return p.doc.text[p.pos] }

// end returns the index after the value.
func (p place) end() int { return pass(p.doc.text, p.pos) }

// A cursor walks over the members of an object or the elements of an array that
// are left after edits, in order: first those of the document's text, then the
// members that edits added. In the text it stands like this:
//
//	{ "a" : 1 , "b" : 2 }
//	         ^prev   ^value
//	            ^at     ^end
//	               ^colon
type cursor struct {
	doc    *document
	object bool
	known  []memberSpan // what Parse noted down, when the container is the batch
	n      int          // how many entries came so far

	prev  int // after the entry before, or after the opening bracket
	at    int // where the member's name, or else the value, begins
	colon int // after the name
	value int
	end   int // after the entry

	escaped bool // the name has escape sequences

	over  bool       // behind the entries of the text
	more  *additions // then: what edits added; nil if nothing
	added int        // and which of them the entry is
}

// entries returns a cursor before the first entry of the object or array at p.
func (b *Batch) entries(p place) cursor {
	c := cursor{doc: p.doc, object: b.first(p) == '{', end: p.pos + 1}
	if p.doc == &b.base && p.pos == b.start() {
		c.known = b.members
	}
	return c
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
	for c.nextAdded() {
		if c.is(name) {
			return true
		}
	}
	return false
}

// nextAdded moves to the next member that edits added.
func (c *cursor) nextAdded() bool {
	if !c.over {
		c.over, c.added = true, -1
		if i, ok := c.doc.addedAt(c.end); ok {
			c.more = c.doc.splices.at(i).added
		}
	}
	for c.more != nil && c.added+1 < len(c.more.members) {
		if c.added++; !c.more.members[c.added].value.gone {
			return true
		}
	}
	return false
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
	s := c.doc.text
	i := skipSpace(s, c.end)
	switch s[i] {
	case ',':
		i = skipSpace(s, i+1)
	case '}', ']':
		return false
	}
	c.at = i
	if c.object {
		c.colon, c.escaped = skipString(s, i)
		i = skipColon(s, c.colon)
	}
	c.value, c.end = i, pass(s, i)
	return true
}

// scanNamed moves to the next entry of the text that may be of that name. Of the
// members that Parse noted down it only looks at those that may be it.
func (c *cursor) scanNamed(name string) bool {
	for c.n < len(c.known) && !c.known[c.n].maybe(name) {
		c.end = int(c.known[c.n].end)
		c.n++
	}
	return c.scan()
}

// take moves to a member that Parse noted down.
func (c *cursor) take(m *memberSpan) {
	c.at, c.colon, c.end, c.escaped = int(m.at), int(m.colon), int(m.end), m.escaped
	if c.value = c.colon + 1; !m.tight {
		c.value = skipColon(c.doc.text, c.colon)
	}
}

// afterComma returns the index after the comma at s[i], before which there may
// be white space, or i when there is none.
func afterComma(s []byte, i int) int {
	if j := skipSpace(s, i); s[j] == ',' {
		return j + 1
	}
	return i
}

// cut tells whether an edit has removed the entry of the text.
func (c *cursor) cut() bool {
	s := c.doc.covering(c.value)
	return s != nil && s.value == nil
}

// is tells whether the entry is a member of that name.
func (c *cursor) is(name string) bool {
	switch {
	case c.over:
		return c.more.members[c.added].name == name
	case !c.object:
		return false
	case c.escaped:
		return c.name() == name
	}
	return string(c.doc.text[c.at+1:c.colon-1]) == name
}

// name returns the member's name, or "" for an element.
func (c *cursor) name() string {
	switch {
	case c.over:
		return c.more.members[c.added].name
	case !c.object:
		return ""
	}
	return string(unquote(c.doc.text[c.at:c.colon]))
}

// place returns the place of the entry's value.
func (c *cursor) place() place {
	if c.over {
		return place{c.more.members[c.added].value, 0}
	}
	return place{c.doc, c.value}
}
