package splice

import "math"

// A Document is one JSON value as text that never changes, and the splices that
// say what to write in place of some of it. The bytes of a batch are a document,
// and so is each value that an edit puts into another one. The zero Document is
// an empty text.
type Document struct {
	text    []byte
	splices spliceList
	in      *Document
	gone    bool // cut out of the document it was in, or replaced

	ID int32 // for notes that a caller takes about the document; 0 in a new one or a copy
}

// A splice writes something else in place of text[start:end]. There are three
// kinds: a cut writes nothing; a replacement writes one value; an addition writes
// members behind the last one of an object, or into an empty one, and takes the
// place of nothing (start == end).
type splice struct {
	from, to int32      // start and end: no text is longer than MaxText
	value    *Document  // of a replacement
	added    *Additions // of an addition
}

// MaxText is how long a document's text may be.
const MaxText = math.MaxInt32

func cut(start, end int) splice { return splice{from: int32(start), to: int32(end)} }

func (s *splice) start() int { return int(s.from) }
func (s *splice) end() int   { return int(s.to) }

func (s *splice) isCut() bool { return s.value == nil && s.added == nil }

// SetText gives a new document its text, which must not change from then on.
func (d *Document) SetText(text []byte) { d.text = text }

// UseRoom makes a new document use room for its first splices, so that both can be
// allocated in one piece.
func (d *Document) UseRoom(room *Room) { d.splices.use(room) }

// CopyTo makes c, which is new, a document with the text and the edits of d. Later
// edits of one do not show in the other.
func (d *Document) CopyTo(c *Document) {
	c.text = d.text
	if d.splices.isEmpty() {
		return
	}
	d.splices.copyTo(&c.splices)
	at := spot{}
	for s := c.splices.get(at); s != nil; s = c.splices.get(at) {
		s.value = s.value.copyInto(c)
		s.added = s.added.copyInto(c)
		at = c.splices.next(at)
	}
}

func (d *Document) copyInto(in *Document) *Document {
	if d == nil {
		return nil
	}
	c := &Document{in: in}
	d.CopyTo(c)
	return c
}

// Text returns the text as it was before edits. It must not be written to.
func (d *Document) Text() []byte { return d.text }

// Append appends text[from:to] as edited.
func (d *Document) Append(dst []byte, from, to int) []byte {
	at := d.splices.after(from)
	for s := d.splices.get(at); s != nil && s.start() < to; s = d.splices.get(at) {
		dst = append(dst, d.text[from:max(from, s.start())]...)
		dst = s.append(dst)
		from = max(from, s.end())
		at = d.splices.next(at)
	}
	return append(dst, d.text[from:max(from, to)]...)
}

func (s *splice) append(dst []byte) []byte {
	switch {
	case s.value != nil:
		return s.value.Append(dst, 0, len(s.value.text))
	case s.added != nil:
		return s.added.append(dst)
	}
	return dst
}

// Size returns the number of bytes that Append appends.
func (d *Document) Size(from, to int) int {
	n := to - from
	at := d.splices.after(from)
	for s := d.splices.get(at); s != nil && s.start() < to; s = d.splices.get(at) {
		n += s.size() - (s.end() - s.start())
		at = d.splices.next(at)
	}
	return n
}

func (s *splice) size() int {
	switch {
	case s.value != nil:
		return s.value.Size(0, len(s.value.text))
	case s.added != nil:
		return s.added.size()
	}
	return 0
}

// Edited reports whether there were edits in text[start:end], or of all of it.
func (d *Document) Edited(start, end int) bool {
	s := d.splices.firstAfter(start)
	return s != nil && s.start() < end
}

// Covered reports whether an edit has cut or replaced the byte at pos.
func (d *Document) Covered(pos int) bool { return d.covering(pos) != nil }

// IsCut reports whether an edit has cut the byte at pos.
func (d *Document) IsCut(pos int) bool {
	s := d.covering(pos)
	return s != nil && s.value == nil
}

// covering returns the splice that takes the place of the byte at pos, or nil.
func (d *Document) covering(pos int) *splice {
	if s := d.splices.firstAfter(pos); s != nil && s.start() <= pos {
		return s
	}
	return nil
}

// alive reports whether the document is still part of the outermost one.
func (d *Document) alive() bool {
	for ; d != nil; d = d.in {
		if d.gone {
			return false
		}
	}
	return true
}
