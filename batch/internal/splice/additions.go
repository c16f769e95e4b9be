package splice

import (
	"bytes"
	"slices"

	"github.com/eventferry/eventferry/batch/internal/jsontext"
)

// Additions are the members that edits have added to one object. Removed ones stay
// in the list, gone, so that a loop over it does not lose its place; only those at
// its end make room for new ones.
type Additions struct {
	comma   bool // one precedes the first
	members []addition
	named   map[string]int // the last member of each name, once there are many
}

// manyMembers is how many members are found faster by a map.
const manyMembers = 16

type addition struct {
	name  string
	value *Document
}

// AddMember adds a member to the object whose last entry, or else opening bracket,
// ends at end. first says that no entry of the text is left in the object. No
// member of that name is left there. The document keeps text, or a copy of it if it
// is shared.
func (d *Document) AddMember(end int, first bool, name string, text []byte, shared bool) {
	at, a := d.addedAt(end)
	if a == nil {
		s := cut(end, end)
		s.added = newAdditions(!first, name, text, shared, d)
		d.splices.insert(at, s)
		return
	}
	if shared {
		text = bytes.Clone(text)
	}
	a.add(addition{name, &Document{text: text, in: d}})
}

// newAdditions returns additions of one member to an object of a document, in one
// piece of memory with the copy of a short text.
func newAdditions(comma bool, name string, text []byte, shared bool, in *Document) *Additions {
	a := &struct {
		Additions
		first [1]addition
		value Document
		room  [shortAdded]byte
	}{}
	if shared {
		text = append(a.room[:0], text...)
	}
	a.value = Document{text: text, in: in}
	a.first[0] = addition{name, &a.value}
	a.Additions = Additions{comma: comma, members: a.first[:]}
	return &a.Additions
}

// shortAdded is how much makes it a size that Go's allocator has.
const shortAdded = 40

func (a *Additions) add(m addition) {
	n := len(a.members)
	for n > 0 && a.members[n-1].value.gone {
		n--
	}
	a.members = append(a.members[:n], m)
	switch {
	case a.named != nil:
		a.named[m.name] = n
	case n >= manyMembers:
		a.named = make(map[string]int, 2*n)
		for i, m := range a.members {
			a.named[m.name] = i
		}
	}
}

// Added returns what edits have added to the object whose last entry, or else
// opening bracket, ends at end, or nil.
func (d *Document) Added(end int) *Additions {
	if d.splices.isEmpty() { // so it is mostly
		return nil
	}
	_, a := d.addedAt(end)
	return a
}

// addedAt returns the addition at pos, or nil and the spot where to insert one.
func (d *Document) addedAt(pos int) (spot, *Additions) {
	at := d.splices.after(pos)
	if before, ok := d.splices.previous(at); ok {
		if s := d.splices.get(before); s.start() == pos && s.end() == pos {
			return before, s.added
		}
	}
	return at, nil
}

// Adds reports whether edits have added a member of that name, which is still
// there, to the object that ends at end with its bracket.
func (d *Document) Adds(name string, end int) bool {
	return d.Added(jsontext.SkipSpaceBack(d.text, end-1)).Find(name) >= 0
}

// Find returns the index of the member of that name that is left, or -1.
func (a *Additions) Find(name string) int {
	switch {
	case a == nil:
		return -1
	case a.named == nil:
		return slices.IndexFunc(a.members, func(m addition) bool { return m.name == name && !m.value.gone })
	}
	i, ok := a.named[name]
	if !ok || i >= len(a.members) || a.members[i].name != name || a.members[i].value.gone { // it may have made room
		return -1
	}
	return i
}

// Next returns the index of the first member from i on that is left, or -1. Adding
// members does not change the indexes of those that are left.
func (a *Additions) Next(i int) int {
	if a != nil {
		for ; i < len(a.members); i++ {
			if !a.members[i].value.gone {
				return i
			}
		}
	}
	return -1
}

// Name returns the name of a member.
func (a *Additions) Name(i int) string { return a.members[i].name }

// Value returns the value of a member.
func (a *Additions) Value(i int) *Document { return a.members[i].value }

func (a *Additions) append(dst []byte) []byte {
	comma := a.comma
	for _, m := range a.members {
		if m.value.gone {
			continue
		}
		if comma {
			dst = append(dst, ',')
		}
		dst, comma = append(jsontext.AppendQuoted(dst, m.name), ':'), true
		dst = m.value.Append(dst, 0, len(m.value.text))
	}
	return dst
}

func (a *Additions) size() int {
	n, comma := 0, a.comma
	for _, m := range a.members {
		if m.value.gone {
			continue
		}
		if comma {
			n += len(",")
		}
		n, comma = n+jsontext.QuotedSize(m.name)+len(":")+m.value.Size(0, len(m.value.text)), true
	}
	return n
}

func (a *Additions) copyInto(in *Document) *Additions {
	if a == nil {
		return nil
	}
	c := &Additions{comma: a.comma}
	for _, m := range a.members {
		if !m.value.gone {
			c.add(addition{m.name, m.value.copyInto(in)})
		}
	}
	return c
}
