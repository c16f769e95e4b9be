package batch

import (
	"bytes"
	"iter"

	"github.com/eventferry/eventferry/batch/internal/jsontext"
)

// CutEvents returns the text of the batch in three pieces: up to the opening bracket
// of its events, the events with the commas between them, and from the closing bracket
// on. It serves to gather the events of several batches into one, as the forwarder
// does with windows. The text is that which was parsed: later edits are not in it. ok is
// false if the batch has no array of events. The pieces share the batch's memory and
// must not be changed.
func (b *Batch) CutEvents() (before, events, after []byte, ok bool) {
	if b.array.end == 0 {
		return nil, nil, nil, false
	}
	text := b.base.Text()
	start, end := int(b.array.start)+1, int(b.array.end)-1
	return text[:start:start], bytes.TrimFunc(text[start:end:end], isSpace), text[end:len(text):len(text)], true
}

func isSpace(r rune) bool { return r < 0x80 && jsontext.IsSpace(byte(r)) } //nolint:gosec // ASCII

// Members iterates over the members of the batch object in their order: the name, and
// the text from the quote before the name to the end of the value. It serves to compare
// batches byte for byte, as the forwarder does with windows. The text is that which was
// parsed: later edits are not in it. It shares the batch's memory and must not be
// changed.
func (b *Batch) Members() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		text := b.base.Text()
		for i := range b.members {
			m := &b.members[i]
			name := text[m.at+1 : m.colon-1]
			if m.escaped {
				name = jsontext.Unquote(text[m.at:m.colon])
			}
			if !yield(string(name), text[m.at:m.end:m.end]) {
				return
			}
		}
	}
}
