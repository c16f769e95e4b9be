package batch

import "slices"

// A document is one JSON value as text that never changes, and the splices
// that say what to write in place of some of it. The bytes of a batch are a
// document; so is each value that an edit puts into another one.
type document struct {
	text    []byte
	splices []splice // in order, none overlapping
	in      *document
	gone    bool // cut out of the document it was in, or replaced
}

// A splice writes something else in place of text[start:end]. There are three
// kinds: a cut writes nothing; a replacement stands for one value; an addition
// puts members behind the last one of an object, or into an empty one, and
// takes the place of nothing (start == end).
type splice struct {
	start, end int
	value      *document
	members    []addition
	comma      bool // an addition has something before it
}

// An addition is a member that an edit put into an object.
type addition struct {
	name  string
	value *document
}

func (s *splice) isCut() bool { return s.value == nil && s.members == nil }

// after returns the index of the first splice that ends behind pos.
func (d *document) after(pos int) int {
	if len(d.splices) == 0 || d.splices[len(d.splices)-1].end <= pos {
		return len(d.splices)
	}
	i, _ := slices.BinarySearchFunc(d.splices, pos+1, func(s splice, pos int) int { return s.end - pos })
	return i
}

// covering returns the splice that takes the place of the byte at pos, or nil.
func (d *document) covering(pos int) *splice {
	if i := d.after(pos); i < len(d.splices) && d.splices[i].start <= pos {
		return &d.splices[i]
	}
	return nil
}

// addedAt returns the index of the addition at pos, or where to insert one.
func (d *document) addedAt(pos int) (i int, ok bool) {
	i = d.after(pos)
	if i > 0 && d.splices[i-1].start == pos && d.splices[i-1].end == pos {
		return i - 1, true
	}
	return i, false
}

// put adds a cut or a replacement. It swallows what was edited inside its
// range. Cuts that meet become one.
func (d *document) put(s splice) {
	lo := d.after(s.start)
	if lo > 0 && s.isCut() && d.splices[lo-1].end == s.start && d.splices[lo-1].isCut() {
		lo--
	}
	hi := lo
	for hi < len(d.splices) && d.splices[hi].start < s.end {
		old := &d.splices[hi]
		old.drop()
		s.start, s.end = min(s.start, old.start), max(s.end, old.end)
		hi++
	}
	if s.value != nil {
		s.value.in = d
	}
	d.splices = slices.Replace(d.splices, lo, hi, s)
}

// drop marks what the splice wrote as gone.
func (s *splice) drop() {
	if s.value != nil {
		s.value.gone = true
	}
	for _, m := range s.members {
		m.value.gone = true
	}
}

// alive tells whether the document is still part of a batch.
func (d *document) alive() bool {
	for ; d != nil; d = d.in {
		if d.gone {
			return false
		}
	}
	return true
}

// splicesFor copies the edits of d for another document with the same text, so
// that neither sees what is edited in the other later.
func (d *document) splicesFor(owner *document) []splice {
	splices := slices.Clone(d.splices)
	for i := range splices {
		s := &splices[i]
		s.value = s.value.copyInto(owner)
		s.members = slices.Clone(s.members)
		for j := range s.members {
			s.members[j].value = s.members[j].value.copyInto(owner)
		}
	}
	return splices
}

func (d *document) copyInto(in *document) *document {
	if d == nil {
		return nil
	}
	c := &document{text: d.text, in: in}
	c.splices = d.splicesFor(c)
	return c
}

// append appends text[from:to] as edited.
func (d *document) append(dst []byte, from, to int) []byte {
	for i := d.after(from); i < len(d.splices) && d.splices[i].start < to; i++ {
		s := &d.splices[i]
		dst = append(dst, d.text[from:max(from, s.start)]...)
		dst = s.append(dst)
		from = max(from, s.end)
	}
	return append(dst, d.text[from:max(from, to)]...)
}

func (s *splice) append(dst []byte) []byte {
	if s.value != nil {
		return s.value.append(dst, 0, len(s.value.text))
	}
	for i, m := range s.members {
		if i > 0 || s.comma {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(dst, m.name), ':')
		dst = m.value.append(dst, 0, len(m.value.text))
	}
	return dst
}

// size is the length of what append appends.
func (d *document) size(from, to int) int {
	n := to - from
	for i := d.after(from); i < len(d.splices) && d.splices[i].start < to; i++ {
		s := &d.splices[i]
		n += s.size() - (s.end - s.start)
	}
	return n
}

func (s *splice) size() int {
	if s.value != nil {
		return s.value.size(0, len(s.value.text))
	}
	n := 0
	for i, m := range s.members {
		if i > 0 || s.comma {
			n++
		}
		n += quotedSize(m.name) + len(":") + m.value.size(0, len(m.value.text))
	}
	return n
}

// insert makes room for an addition at index i.
func (d *document) insert(i int, s splice) { d.splices = slices.Insert(d.splices, i, s) }
