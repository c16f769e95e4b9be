package batch

// A place is where a value begins in a document, as it was before edits.
type place struct {
	doc *document
	pos int
}

// now follows a place to where its value is after all edits: into what replaced
// it. It reports false when nothing is there any more.
func (p place) now() (place, bool) {
	if p.doc == nil || !p.doc.alive() {
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
func (p place) end() int {
	if p.pos == 0 && p.doc.in != nil {
		return len(p.doc.text)
	}
	return skipValue(p.doc.text, p.pos, 0, new(nesting))
}

// A cursor walks over the members of an object or the elements of an array, in
// order, as they were before edits:
//
//	{ "a" : 1 , "b" : 2 }
//	         ^prev  |   ^end
//	           ^begin ^value
//	            ^at
type cursor struct {
	doc    *document
	object bool
	known  []memberSpan // when the container is the batch itself

	prev  int // after the entry before, or after the opening bracket
	begin int // after the comma, if there is one
	at    int // where the member's name, or else the value, begins
	value int
	end   int

	nesting nesting
}

// entries returns a cursor before the first entry of the value at p, which is an
// object or an array.
func (b *Batch) entries(p place) cursor {
	c := cursor{doc: p.doc, object: p.first() == '{', end: p.pos + 1}
	if p.doc == &b.base && p.pos == b.start() {
		c.known = b.members
	}
	return c
}

func (c *cursor) next() bool {
	s := c.doc.text
	c.prev, c.begin = c.end, c.end
	i := skipSpace(s, c.end)
	switch s[i] {
	case ',':
		c.begin = i + 1
		i = skipSpace(s, i+1)
	case '}', ']':
		return false
	}
	c.at = i
	if len(c.known) > 0 {
		c.value, c.end = int(c.known[0].value), int(c.known[0].end)
		c.known = c.known[1:]
		return true
	}
	if c.object {
		i = skipName(s, i)
	}
	c.value = i
	c.end = skipValue(s, i, 0, &c.nesting)
	return true
}

// name returns the member's name with its quotes, and perhaps what follows.
func (c *cursor) name() []byte {
	return c.doc.text[c.at:skipString(c.doc.text, c.at)]
}

func (c *cursor) place() place { return place{c.doc, c.value} }

// cut tells whether an edit has removed the entry.
func (c *cursor) cut() bool {
	s := c.doc.covering(c.value)
	return s != nil && s.value == nil
}

// added returns the members that edits put behind the last entry, where the
// cursor is when next has reported false.
func (c *cursor) added() []addition {
	if i, ok := c.doc.addedAt(c.end); ok {
		return c.doc.splices[i].members
	}
	return nil
}
