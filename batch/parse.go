package batch

import (
	"github.com/eventferry/eventferry/batch/internal/jsontext"
	"github.com/eventferry/eventferry/batch/internal/splice"
)

// maxDepth is how many objects and arrays may enclose one another, the batch
// itself included.
const maxDepth = 1000

// Parse reads a batch: one JSON object with nothing but white space around it. It
// checks all of it in one pass and keeps data, which must not change from then on.
// It refuses, with an [*Error]:
//
//   - text that is not JSON by RFC 8259, or not valid UTF-8; halves of surrogate
//     pairs written as escapes ("\ud800") are let through
//   - more than 1,000 objects and arrays inside one another
//   - an mpid that is neither a 64-bit integer, as a number or in quotes, nor
//     null nor "", and several that differ; 7 and "7" do not
//   - several members "events", and one that is neither an array nor null
//   - an event that is no object, that lacks an event_type, or whose event_type is
//     not a string or is there several times with different texts, be it in case
//   - 2 GiB and more
//
// It keeps everything else as it is: unknown members, repeated members, numbers of
// any size.
func Parse(data []byte) (*Batch, error) {
	if len(data) > splice.MaxText {
		return nil, &Error{Offset: splice.MaxText, Reason: "longer than 2 GiB"}
	}
	start := jsontext.SkipSpace(data, 0)
	p := parser{text: data, indexer: newIndexer(data, start)}
	if err := p.batch(start); err != nil {
		return nil, err
	}
	b := &Batch{left: int32(len(p.indexer.events))}
	b.index = p.indexer.index
	b.names = namesOf(b.members)
	b.base.SetText(data)
	return b, nil
}

// A parser makes one pass over a JSON text, which it checks against the grammar,
// and tells its indexer what it meets.
type parser struct {
	text    []byte
	nesting nesting
	indexer indexer
	refused *Error // by the indexer
}

// A nesting remembers which of the open containers are objects: bit d for the
// one at depth d. Opening a container writes its bit, so it needs no clearing.
type nesting [maxDepth/64 + 1]uint64

func (n *nesting) open(depth int, object bool) {
	word, bit := uint(depth)/64, uint64(1)<<(uint(depth)%64)
	if object {
		n[word] |= bit
	} else {
		n[word] &^= bit
	}
}

// closer returns the bracket that closes the container at depth.
func (n *nesting) closer(depth int) byte {
	if n[uint(depth)/64]>>(uint(depth)%64)&1 == 1 {
		return '}'
	}
	return ']'
}

// batch reads the text of a batch, which begins at start.
func (p *parser) batch(start int) *Error {
	end := p.value(start)
	switch {
	case p.refused != nil:
		return p.refused
	case end < 0:
		return explain(p.text, ^end)
	case p.text[start] != '{':
		return refusal(start, "", "not a JSON object")
	}
	if i := jsontext.SkipSpace(p.text, end); i < len(p.text) {
		return refusal(i, "", "data after the batch")
	}
	return nil
}

// value reads the value at text[i] and returns the index after it. Where the text
// breaks the grammar it returns ^offset of the byte that does, and a negative
// number as well when the indexer has refused something. It is a loop, so that
// nothing in the text can make the stack grow.
func (p *parser) value(i int) int {
	s := p.text
	depth, closer := 0, byte(0) // of the innermost open container
	for {
		if closer == '}' { // a member: its name comes first
			if jsontext.ByteAt(s, i) != '"' {
				return ^i
			}
			name, escaped := i, false
			colon := jsontext.SkipPlain(s, i+1) + 1 // if the quote before it is there
			if colon > 0 && colon < len(s)-1 && s[colon-1] == '"' && s[colon] == ':' && s[colon+1] > ' ' {
				i = colon + 1
			} else if colon, escaped = jsontext.FinishString(s, name, colon-1); colon < 0 {
				return colon
			} else if i = jsontext.SkipColon(s, colon); i < 0 {
				return i
			}
			if p.indexer.wants(depth, colon-name, escaped) {
				if p.refused = p.indexer.member(name, colon, i, escaped); p.refused != nil {
					return refused
				}
			}
		} else if p.indexer.watchesEvents(depth) {
			if p.refused = p.indexer.element(i); p.refused != nil {
				return refused
			}
		}
		switch c := jsontext.ByteAt(s, i); c {
		case '"':
			start := i
			if i = jsontext.SkipPlain(s, i+1); jsontext.ByteAt(s, i) == '"' {
				i++
			} else {
				i, _ = jsontext.FinishString(s, start, i)
			}
		case '{', '[':
			if depth++; depth > maxDepth {
				return ^i
			}
			p.indexer.opened(depth)
			closer = c + 2
			p.nesting.open(depth, c == '{')
			if i = jsontext.SkipSpace(s, i+1); jsontext.ByteAt(s, i) != closer {
				continue
			} // else it is empty: what closes it comes next
		case 'n':
			i = jsontext.SkipLiteral(s, i, "null")
		case 't':
			i = jsontext.SkipLiteral(s, i, "true")
		case 'f':
			i = jsontext.SkipLiteral(s, i, "false")
		default:
			i = jsontext.SkipNumber(s, i)
		}
		// A value has ended.
		p.indexer.valueEnded(depth, i)
		if depth > 0 && i >= 0 && i < len(s)-1 && s[i] == ',' && s[i+1] > ' ' { // so it is mostly
			i++
			continue
		}
		if i, depth = p.close(i, depth); i < 0 || depth == 0 {
			return i
		}
		closer = p.nesting.closer(depth)
	}
}

// refused is what the parser's methods return when the indexer has refused
// something.
const refused = -1

// close closes containers from the index after a value on, up to the next comma
// or the end of all. It returns the index of what comes then, and the depth.
func (p *parser) close(i, depth int) (next, left int) {
	for i >= 0 && depth > 0 {
		i = jsontext.SkipSpace(p.text, i)
		c := jsontext.ByteAt(p.text, i)
		if c == ',' {
			return jsontext.SkipSpace(p.text, i+1), depth
		}
		if c != p.nesting.closer(depth) {
			return ^i, depth
		}
		i++
		if p.indexer.watches(depth) {
			if p.refused = p.indexer.closed(i); p.refused != nil {
				return refused, depth
			}
		}
		depth--
		p.indexer.valueEnded(depth, i)
	}
	return i, depth
}

// isValue reports whether text is one JSON value.
func isValue(text []byte) bool {
	p := parser{text: text, indexer: indexer{depth: noWatch}}
	return p.value(0) == len(text)
}
