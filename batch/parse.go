package batch

import "math"

// Parse reads a batch: one JSON object with nothing but white space around it.
// It checks all of it in one pass and keeps data, which must not change from
// then on. What it refuses it refuses with an [*Error]:
//
//   - what is not JSON by RFC 8259, or not valid UTF-8; halves of surrogate
//     pairs written as escapes ("\ud800") are let through
//   - more than 1,000 objects and arrays inside one another
//   - an mpid that is neither a 64-bit integer, as a number or in quotes, nor
//     null nor "", and several that differ; 7 and "7" do not
//   - several members "events", and one that is neither an array nor null
//   - an event that is no object, or that lacks an event_type, or has one that
//     is not a string, or several that differ
//   - 2 GiB and more
//
// Anything else is none of its business: members that nobody knows, repeated
// members and numbers of any size are all kept as they are.
func Parse(data []byte) (*Batch, error) {
	if len(data) > math.MaxInt32 {
		return nil, &Error{Offset: math.MaxInt32, Reason: "longer than 2 GiB"}
	}
	p := parser{s: data}
	p.members = make([]memberSpan, 0, 24)
	p.events = make([]eventSpan, 0, len(data)/700+1) // room for those of usual size
	if i := p.batch(); i < 0 {
		if p.err == nil {
			p.err = explain(data, ^i)
		}
		return nil, p.err
	}
	b := &Batch{index: p.index, left: len(p.events)}
	b.base.text = data
	return b, nil
}

// A parser makes one pass over a JSON text. Its methods return the index after
// what they read, or a negative number: then err says what is wrong, or without
// an err it is ^offset of the byte that is not JSON.
type parser struct {
	s       []byte
	nesting nesting
	notes
	err *Error
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

func (p *parser) batch() int {
	start := skipSpace(p.s, 0)
	p.wanted, p.open = start < len(p.s) && p.s[start] == '{', int32(start)
	end := p.value(start)
	switch {
	case end < 0:
		return end
	case p.s[start] != '{':
		return p.fail(start, "", "not a JSON object")
	}
	if i := skipSpace(p.s, end); i < len(p.s) {
		return p.fail(i, "", "data after the batch")
	}
	return end
}

// value reads the value at s[i]. It is a loop, so that nothing in the text can
// make the stack grow.
func (p *parser) value(i int) int {
	s := p.s
	depth, closer := 0, byte(0) // of the innermost open container
	for {
		if closer == '}' { // a member: its name comes first
			if at(s, i) != '"' {
				return ^i
			}
			name, escaped := i, false
			colon := skipPlain(s, i+1) + 1 // if the quote before it is there
			if colon > 0 && colon < len(s)-1 && s[colon-1] == '"' && s[colon] == ':' && s[colon+1] > ' ' {
				i = colon + 1
			} else if colon, escaped = finishString(s, name, colon-1); colon < 0 {
				return colon
			} else if i = skipColon(s, colon); i < 0 {
				return i
			}
			if depth == p.depth && p.notable(colon-name, escaped) {
				if bad := p.member(name, colon, i, escaped); bad < 0 {
					return bad
				}
			}
		} else if depth == inEvents && depth == p.depth {
			if bad := p.element(i); bad < 0 {
				return bad
			}
		}
		switch c := at(s, i); c {
		case '"':
			start := i
			if i = skipPlain(s, i+1); at(s, i) == '"' {
				i++
			} else {
				i, _ = finishString(s, start, i)
			}
		case '{', '[':
			if depth++; depth > maxDepth {
				return ^i
			}
			if p.wanted {
				p.wanted = false
				p.enter(depth)
			}
			closer = c + 2
			p.nesting.open(depth, c == '{')
			if i = skipSpace(s, i+1); at(s, i) != closer {
				continue
			} // else it is empty: what closes it comes next
		case 'n':
			i = skipLiteral(s, i, "null")
		case 't':
			i = skipLiteral(s, i, "true")
		case 'f':
			i = skipLiteral(s, i, "false")
		default:
			i = skipNumber(s, i)
		}
		// A value has ended.
		if depth == inBatch && depth == p.depth {
			p.ended(i)
		}
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

// close closes containers from the index after a value on, up to the next comma
// or the end of all. It returns the index of what comes then, and the depth.
func (p *parser) close(i, depth int) (next, left int) {
	for i >= 0 && depth > 0 {
		i = skipSpace(p.s, i)
		c := at(p.s, i)
		if c == ',' {
			return skipSpace(p.s, i+1), depth
		}
		if c != p.nesting.closer(depth) {
			return ^i, depth
		}
		i++
		if depth == p.depth {
			if bad := p.closed(i); bad < 0 {
				return bad, depth
			}
		}
		if depth--; depth == inBatch && depth == p.depth {
			p.ended(i)
		}
	}
	return i, depth
}

func (p *parser) fail(offset int, member, reason string) int {
	p.err = &Error{Offset: int64(offset), Member: member, Reason: reason}
	return ^offset
}
