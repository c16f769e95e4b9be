package splice

import (
	"bytes"

	"github.com/eventferry/eventferry/batch/internal/jsontext"
)

// Replace puts a value in the place of the one at p, or of what has replaced that
// before. The document keeps text.
func (p Position) Replace(text []byte) { p.replace(&Document{text: text, in: p.Doc}) }

// ReplaceByCopy is Replace by a copy of text. That of a short one is in the same
// piece of memory as what else is new.
func (p Position) ReplaceByCopy(text []byte) {
	if len(text) > shortText {
		p.Replace(bytes.Clone(text))
		return
	}
	value := &struct {
		Document
		room [shortText]byte
	}{Document: Document{in: p.Doc}}
	value.text = value.room[:copy(value.room[:], text):len(text)]
	p.replace(&value.Document)
}

// shortText is how much makes it, with a document, a size that Go's allocator has.
const shortText = 104

func (p Position) replace(value *Document) {
	if s := p.Doc.covering(p.Offset); s != nil {
		s.discard()
		s.value = value
		return
	}
	s := cut(p.Offset, p.End())
	s.value = value
	p.Doc.put(s)
}

// Discard removes a value that an edit has added as a member.
func (d *Document) Discard() { d.gone = true }

// CutEntry cuts a member or an element out of the container whose bracket is
// text[open], with the comma that goes with it. The entry ends at end, the one
// before it at prev; before the first one, prev is open+1. The first entry that is
// left has no comma before it, every other one keeps its own: so the result does
// not depend on the order of cuts.
func (d *Document) CutEntry(open, prev, end int) {
	first := open + 1
	if before := d.covering(first); prev > first && (before == nil || !before.isCut() || before.end() < prev) {
		d.put(cut(prev, end))
		return
	}
	// Nothing is left before it, so the comma goes that comes next.
	for s := d.covering(end); s != nil; s = d.covering(end) {
		end = s.end()
	}
	after := jsontext.AfterComma(d.text, end)
	d.put(cut(first, after))
	if after == end {
		if a := d.Added(end); a != nil {
			a.comma = false
		}
	}
}

// CutUnedited is CutEntry for an entry of a container, which ends at closed with its
// bracket, in which there were no edits. If there were, it reports false.
func (d *Document) CutUnedited(open, prev, end, closed int) bool {
	at := d.splices.after(open)
	switch s := d.splices.get(at); {
	case s != nil && s.start() < closed:
		return false
	case prev == open+1: // the first entry: the comma behind it goes, too
		d.put(cut(prev, jsontext.AfterComma(d.text, end)))
	default:
		d.splices.insert(at, cut(prev, end))
	}
	return true
}

// put adds a cut or a replacement. It swallows what was edited inside its range.
// Cuts that meet become one.
func (d *Document) put(s splice) {
	lo := d.splices.after(s.start())
	if s.isCut() {
		if at, ok := d.splices.previous(lo); ok {
			if before := d.splices.get(at); before.end() == s.start() && before.isCut() {
				lo = at
			}
		}
	}
	hi := lo
	for old := d.splices.get(hi); old != nil && old.start() < s.end(); old = d.splices.get(hi) {
		old.discard()
		s.from, s.to = min(s.from, old.from), max(s.to, old.to)
		hi = d.splices.next(hi)
	}
	d.splices.replace(lo, hi, s)
}

// discard marks what the splice wrote as gone.
func (s *splice) discard() {
	if s.value != nil {
		s.value.gone = true
	}
	if s.added != nil {
		for _, m := range s.added.members {
			m.value.gone = true
		}
	}
}
