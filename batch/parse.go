package batch

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
)

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
	var (
		members [32]memberSpan
		events  [32]eventSpan
	)
	p := parser{s: data, members: members[:0], events: events[:0], array: -1}
	if i := p.batch(); i < 0 {
		if p.err == nil {
			p.err = explain(data, ^i)
		}
		return nil, p.err
	}
	b := &Batch{base: document{text: data}, left: len(p.events)}
	b.index = index{
		userID:  p.id,
		members: slices.Clone(p.members),
		events:  slices.Clone(p.events),
	}
	if p.array >= 0 {
		m := p.members[p.array]
		if data[m.value] == '[' {
			b.index.array = span{m.value, m.end}
		}
	}
	return b, nil
}

// A parser makes one pass over a batch. Its methods return the index after what
// they read, or a negative number: then err says what is wrong, or without an
// err it is ^offset of the byte that is not JSON.
type parser struct {
	s       []byte
	nesting nesting
	members []memberSpan
	events  []eventSpan
	array   int // which of the members is "events", or -1
	id      int64
	hasID   bool
	err     *Error
}

func (p *parser) fail(offset int, member, reason string) int {
	p.err = &Error{Offset: int64(offset), Member: member, Reason: reason}
	return ^offset
}

func (p *parser) batch() int {
	i := skipSpace(p.s, 0)
	if i >= len(p.s) || p.s[i] != '{' {
		if end := skipValue(p.s, i, 0, &p.nesting); end < 0 {
			return end
		}
		return p.fail(i, "", "not a JSON object")
	}
	i, more := first(p.s, i, '}')
	for more {
		name := i
		nameEnd := skipQuoted(p.s, i)
		if nameEnd < 0 {
			return nameEnd
		}
		if i = skipColon(p.s, nameEnd); i < 0 {
			return i
		}
		value := i
		switch key := plain(p.s[name:nameEnd]); {
		case string(key) == "mpid":
			i = p.userID(i)
		case string(key) == "events":
			i = p.eventsMember(i)
		default:
			i = skipValue(p.s, i, 1, &p.nesting)
		}
		if i < 0 {
			return i
		}
		p.members = append(p.members, memberSpan{int32(name), int32(nameEnd), int32(value), int32(i)})
		i, more = next(p.s, i, '}')
	}
	if i < 0 {
		return i
	}
	if i = skipSpace(p.s, i); i < len(p.s) {
		return p.fail(i, "", "data after the batch")
	}
	return i
}

// userID reads the value of a member "mpid".
func (p *parser) userID(i int) int {
	end := skipValue(p.s, i, 1, &p.nesting)
	if end < 0 {
		return end
	}
	id, ok := parseUserID(p.s[i:end])
	if !ok {
		return p.fail(i, "mpid", "not a 64-bit integer")
	}
	if p.hasID && id != p.id {
		return p.fail(i, "mpid", "differs from the mpid before it")
	}
	p.id, p.hasID = id, true
	return end
}

// parseUserID returns 0 for what means that there is no user.
func parseUserID(value []byte) (int64, bool) {
	if value[0] == '"' {
		value = unquote(value)
		if len(value) == 0 {
			return 0, true
		}
	} else if string(value) == "null" {
		return 0, true
	}
	return parseInt(value)
}

// parseInt reads an integer as JSON writes one.
func parseInt(s []byte) (int64, bool) {
	digits := bytes.TrimPrefix(s, []byte("-"))
	if len(digits) == 0 || !isDigit(digits[0]) || digits[0] == '0' && len(digits) > 1 {
		return 0, false
	}
	n, err := strconv.ParseInt(string(s), 10, 64)
	return n, err == nil
}

// eventsMember reads the value of a member "events".
func (p *parser) eventsMember(i int) int {
	switch {
	case p.array >= 0:
		return p.fail(i, "events", "second member of that name")
	case i >= len(p.s) || p.s[i] != '[':
		end := skipValue(p.s, i, 1, &p.nesting)
		if end >= 0 && p.s[i] != 'n' {
			return p.fail(i, "events", "neither an array nor null")
		}
		p.array = len(p.members)
		return end
	}
	p.array = len(p.members)
	i, more := first(p.s, i, ']')
	for more {
		if i = p.event(i); i < 0 {
			return i
		}
		i, more = next(p.s, i, ']')
	}
	return i
}

// event reads an element of the events.
func (p *parser) event(i int) int {
	if i >= len(p.s) || p.s[i] != '{' {
		end := skipValue(p.s, i, 2, &p.nesting)
		if end >= 0 {
			return p.fail(i, p.eventName(), "not an object")
		}
		return end
	}
	e := eventSpan{start: int32(i)}
	var eventType []byte
	several := false
	i, more := first(p.s, i, '}')
	for more {
		name := i
		if i = skipQuoted(p.s, i); i < 0 {
			return i
		}
		key := plain(p.s[name:i])
		if i = skipColon(p.s, i); i < 0 {
			return i
		}
		value := i
		switch {
		case string(key) == "data":
			several = several || e.data != 0
			e.data = int32(value)
			i = p.data(i, &e)
		case string(key) == "event_type":
			if i = skipValue(p.s, i, 3, &p.nesting); i < 0 {
				return i
			}
			if p.s[value] != '"' {
				return p.fail(value, p.eventName()+".event_type", "not a string")
			}
			text := unquote(p.s[value:i])
			if eventType != nil && !bytes.Equal(text, eventType) {
				return p.fail(value, p.eventName()+".event_type", "differs from the event_type before it")
			}
			eventType = text
		default:
			i = skipValue(p.s, i, 3, &p.nesting)
		}
		if i < 0 {
			return i
		}
		i, more = next(p.s, i, '}')
	}
	if i < 0 {
		return i
	}
	if eventType == nil {
		return p.fail(int(e.start), p.eventName()+".event_type", "missing")
	}
	if several {
		e.data, e.name = 0, 0
	}
	e.end, e.code = int32(i), codeOf(eventType)
	p.events = append(p.events, e)
	return i
}

// data reads the value of an event's member "data", which may be anything.
func (p *parser) data(i int, e *eventSpan) int {
	if i >= len(p.s) || p.s[i] != '{' {
		return skipValue(p.s, i, 3, &p.nesting)
	}
	names := 0
	i, more := first(p.s, i, '}')
	for more {
		name := i
		if i = skipQuoted(p.s, i); i < 0 {
			return i
		}
		key := plain(p.s[name:i])
		if i = skipColon(p.s, i); i < 0 {
			return i
		}
		if string(key) == "event_name" {
			e.name = int32(i)
			names++
		}
		if i = skipValue(p.s, i, 4, &p.nesting); i < 0 {
			return i
		}
		i, more = next(p.s, i, '}')
	}
	if names > 1 {
		e.name = 0
	}
	return i
}

func (p *parser) eventName() string { return fmt.Sprintf("events[%d]", len(p.events)) }

// plain returns what is between the quotes of a member's name, decoded.
func plain(name []byte) []byte {
	return unquote(name)
}

// first returns the index of the first entry of the container at s[i], or the
// index after the container when there is none.
func first(s []byte, i int, closing byte) (at int, more bool) {
	if i = skipSpace(s, i+1); i < len(s) && s[i] == closing {
		return i + 1, false
	}
	return i, true
}

// next returns the index of the entry that follows the one that ends at s[i],
// or the index after the container when there is none.
func next(s []byte, i int, closing byte) (at int, more bool) {
	if i = skipSpace(s, i); i >= len(s) {
		return ^i, false
	}
	switch s[i] {
	case ',':
		return skipSpace(s, i+1), true
	case closing:
		return i + 1, false
	}
	return ^i, false
}

func skipQuoted(s []byte, i int) int {
	if i >= len(s) || s[i] != '"' {
		return ^i
	}
	return skipString(s, i)
}
