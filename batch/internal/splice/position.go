package splice

import "github.com/eventferry/eventferry/batch/internal/jsontext"

// A Position is where a value begins in a document, as it was before edits. The
// zero Position is nowhere.
type Position struct {
	Doc    *Document
	Offset int
}

// Now follows a position to where its value is after all edits: into what replaced
// it. It reports false when the value is gone.
func (p Position) Now() (Position, bool) {
	if p.Doc == nil || p.Offset >= len(p.Doc.text) || !p.Doc.alive() {
		return p, false
	}
	for {
		s := p.Doc.covering(p.Offset)
		switch {
		case s == nil:
			return p, true
		case s.value == nil || s.start() != p.Offset:
			return p, false
		}
		p = Position{s.value, 0}
	}
}

// First returns the first byte of the value, which tells its type.
func (p Position) First() byte { return p.Doc.text[p.Offset] }

// End returns the index after the value, before edits.
func (p Position) End() int { return jsontext.SkipValue(p.Doc.text, p.Offset) }

// Raw returns the value's text as edited. It may share memory with the document.
func (p Position) Raw() []byte {
	return p.RawTo(p.End())
}

// RawTo is Raw for a value that ends at end, before edits.
func (p Position) RawTo(end int) []byte {
	if p.Doc.Edited(p.Offset, end) {
		return p.Doc.Append(nil, p.Offset, end)
	}
	return p.Doc.text[p.Offset:end:end]
}
