package batch

import "slices"

// A document is one JSON value as text that never changes, and the splices
// that say what to write in place of some of it. The bytes of a batch are a
// document; so is each value that an edit puts into another one.
type document struct {
	text    []byte
	splices splices
	in      *document
	gone    bool // cut out of the document it was in, or replaced
}

// A splice writes something else in place of text[start:end]. There are three
// kinds: a cut writes nothing; a replacement stands for one value; an addition
// puts members behind the last one of an object, or into an empty one, and
// takes the place of nothing (start == end).
type splice struct {
	start, end int
	value      *document  // of a replacement
	added      *additions // of an addition
}

// additions are the members of an addition. Removed ones stay in the list, gone,
// so that those who are going through it do not lose their place; only those at
// its end make room for new ones.
type additions struct {
	comma   bool // one stands before the first
	members []addition
}

type addition struct {
	name  string
	value *document
}

// newAdditions returns additions of one member to an object of a document, in one
// piece of memory.
func newAdditions(comma bool, name string, text []byte, in *document) *additions {
	a := &struct {
		additions
		first [1]addition
		value document
	}{value: document{text: text, in: in}}
	a.first[0] = addition{name, &a.value}
	a.additions = additions{comma, a.first[:]}
	return &a.additions
}

func (a *additions) add(m addition) {
	n := len(a.members)
	for n > 0 && a.members[n-1].value.gone {
		n--
	}
	a.members = append(a.members[:n], m)
}

func (s *splice) isCut() bool { return s.value == nil && s.added == nil }

// after returns the index of the first splice that ends behind pos. (A plain
// loop: what goes through package slices would have to live on the heap.)
func (d *document) after(pos int) int {
	lo, hi := 0, d.splices.len()
	if hi > 0 && d.splices.at(hi-1).end <= pos { // so it is mostly, as edits go from front to back
		return hi
	}
	for lo < hi {
		if mid := (lo + hi) / 2; d.splices.at(mid).end <= pos {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// edited tells whether there were edits in text[start:end], or of all of it, and
// otherwise where in the list a splice there belongs.
func (d *document) edited(start, end int) (i int, edited bool) {
	i = d.after(start)
	return i, i < d.splices.len() && d.splices.at(i).start < end
}

// covering returns the splice that takes the place of the byte at pos, or nil.
func (d *document) covering(pos int) *splice {
	if i := d.after(pos); i < d.splices.len() && d.splices.at(i).start <= pos {
		return d.splices.at(i)
	}
	return nil
}

// addedAt returns the index of the addition at pos, or where to insert one.
func (d *document) addedAt(pos int) (i int, ok bool) {
	i = d.after(pos)
	if i > 0 && d.splices.at(i-1).start == pos && d.splices.at(i-1).end == pos {
		return i - 1, true
	}
	return i, false
}

// adds tells whether edits have added a member of that name, which may be gone
// again, to the object that ends at end.
func (d *document) adds(name string, end int) bool {
	i, ok := d.addedAt(skipSpaceBack(d.text, end-1))
	return ok && slices.ContainsFunc(d.splices.at(i).added.members, func(m addition) bool { return m.name == name })
}

// put adds a cut or a replacement. It swallows what was edited inside its
// range. Cuts that meet become one.
func (d *document) put(s splice) {
	lo := d.after(s.start)
	if lo > 0 && s.isCut() && d.splices.at(lo-1).end == s.start && d.splices.at(lo-1).isCut() {
		lo--
	}
	hi := lo
	for hi < d.splices.len() && d.splices.at(hi).start < s.end {
		old := d.splices.at(hi)
		old.drop()
		s.start, s.end = min(s.start, old.start), max(s.end, old.end)
		hi++
	}
	d.splices.replace(lo, hi, s)
}

// cutEntry cuts a member or an element out of the container whose bracket is
// text[open], with the comma that goes with it. The entry ends at end, the one
// before it at prev. The first entry that is left has no comma before it, every
// other one keeps its own: so the result does not depend on the order of cuts.
func (d *document) cutEntry(open, prev, end int) {
	first := open + 1
	if before := d.covering(first); prev > first && (before == nil || !before.isCut() || before.end < prev) {
		d.put(splice{start: prev, end: end})
		return
	}
	// Nothing is left before it, so the comma goes that comes next.
	for s := d.covering(end); s != nil; s = d.covering(end) {
		end = s.end
	}
	after := afterComma(d.text, end)
	d.put(splice{start: first, end: after})
	if after == end {
		if i, ok := d.addedAt(end); ok {
			d.splices.at(i).added.comma = false
		}
	}
}

// drop marks what the splice wrote as gone.
func (s *splice) drop() {
	if s.value != nil {
		s.value.gone = true
	}
	if s.added != nil {
		for _, m := range s.added.members {
			m.value.gone = true
		}
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
func (d *document) splicesFor(owner *document) splices {
	splices := d.splices.clone()
	for i := range splices.len() {
		s := splices.at(i)
		s.value = s.value.copyInto(owner)
		s.added = s.added.copyInto(owner)
	}
	return splices
}

func (a *additions) copyInto(in *document) *additions {
	if a == nil {
		return nil
	}
	c := &additions{comma: a.comma}
	for _, m := range a.members {
		if !m.value.gone {
			c.members = append(c.members, addition{m.name, m.value.copyInto(in)})
		}
	}
	return c
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
	for i := d.after(from); i < d.splices.len() && d.splices.at(i).start < to; i++ {
		s := d.splices.at(i)
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
	if s.added == nil {
		return dst
	}
	comma := s.added.comma
	for _, m := range s.added.members {
		if m.value.gone {
			continue
		}
		if comma {
			dst = append(dst, ',')
		}
		dst, comma = append(appendQuoted(dst, m.name), ':'), true
		dst = m.value.append(dst, 0, len(m.value.text))
	}
	return dst
}

// size is the length of what append appends.
func (d *document) size(from, to int) int {
	n := to - from
	for i := d.after(from); i < d.splices.len() && d.splices.at(i).start < to; i++ {
		s := d.splices.at(i)
		n += s.size() - (s.end - s.start)
	}
	return n
}

func (s *splice) size() int {
	if s.value != nil {
		return s.value.size(0, len(s.value.text))
	}
	if s.added == nil {
		return 0
	}
	n, comma := 0, s.added.comma
	for _, m := range s.added.members {
		if m.value.gone {
			continue
		}
		if comma {
			n += len(",")
		}
		n, comma = n+quotedSize(m.name)+len(":")+m.value.size(0, len(m.value.text)), true
	}
	return n
}
