package batch

import (
	"bytes"
	"fmt"
	"strconv"
)

// notes are what a parser has noted down so far. It takes notes of containers
// of four kinds, each inside one of the kind before, and so each at a depth of
// its own.
type notes struct {
	index
	depth   int  // of the innermost open container that notes are taken of; -1: of none at all
	wanted  bool // the next container is one
	hasID   bool // a member "mpid" was there
	hasList bool // a member "events" was there
	event   eventNote
}

const (
	inBatch = 1 + iota
	inEvents
	inEvent
	inData
)

// An eventNote is what is known of the event at hand.
type eventNote struct {
	eventSpan
	eventType []byte // nil: none so far
}

// dataAt takes note of a member "data". What is known of one before it counts
// no more.
func (e *eventNote) dataAt(value int) {
	e.data.found(value)
	e.dataEnd, e.name, e.location = 0, 0, 0
}

// The methods that take notes return a negative number when they do not like
// what they see, as parser's methods do.

// notable tells whether to take note of a member, by what is known of its name
// before looking at it. Most members are in the data of events.
func (p *parser) notable(length int, escaped bool) bool {
	return p.depth < inData || length == len(`"event_name"`) || length == len(`"location"`) || escaped
}

// member takes note of a member whose value is about to begin.
func (p *parser) member(at, colon, value int, escaped bool) int {
	name := p.s[at+1 : colon-1]
	if escaped {
		name = unquote(p.s[at:colon])
	}
	switch p.depth {
	case inBatch:
		p.members = append(p.members, memberSpan{at: int32(at), colon: int32(colon), escaped: escaped})
		switch string(name) {
		case "mpid":
			return p.userID(value)
		case "events":
			return p.list(value)
		}
	case inEvent:
		switch string(name) {
		case "data":
			p.event.dataAt(value)
			p.wanted = value < len(p.s) && p.s[value] == '{'
		case "event_type":
			return p.eventType(value)
		}
	case inData:
		switch string(name) {
		case "event_name":
			p.event.name.found(value)
		case "location":
			p.event.location.found(value)
		}
	}
	return 0
}

// ended takes note of the end of a member of the batch.
func (p *parser) ended(end int) {
	if n := len(p.members); n > 0 { // not so when the batch is empty
		p.members[n-1].end = int32(end)
	}
}

// userID reads the value of a member "mpid".
func (p *parser) userID(i int) int {
	if i < len(p.s) && (p.s[i] == '{' || p.s[i] == '[') {
		return p.fail(i, "mpid", "neither an integer nor a string")
	}
	end := skipScalar(p.s, i)
	if end < 0 {
		return end
	}
	id, ok := parseUserID(p.s[i:end])
	switch {
	case !ok:
		return p.fail(i, "mpid", "not a 64-bit integer")
	case p.hasID && id != p.index.userID:
		return p.fail(i, "mpid", "differs from the mpid before it")
	}
	p.index.userID, p.hasID = id, true
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

// list looks at the beginning of the value of a member "events".
func (p *parser) list(i int) int {
	switch {
	case p.hasList:
		return p.fail(i, "events", "second member of that name")
	case i >= len(p.s) || p.s[i] != '[' && p.s[i] != 'n':
		return p.fail(i, "events", "neither an array nor null")
	}
	p.hasList = true
	if p.s[i] == '[' {
		p.wanted, p.array.start = true, int32(i)
	}
	return i
}

// element looks at the beginning of an event.
func (p *parser) element(i int) int {
	switch at(p.s, i) {
	case '{':
	case '[':
		return p.fail(i, p.eventName(), "not an object")
	default:
		if end := skipScalar(p.s, i); end < 0 {
			return end
		}
		return p.fail(i, p.eventName(), "not an object")
	}
	p.wanted, p.event = true, eventNote{eventSpan: eventSpan{start: int32(i)}}
	return i
}

// eventType reads the value of a member "event_type".
func (p *parser) eventType(i int) int {
	if i >= len(p.s) || p.s[i] != '"' {
		return p.fail(i, p.eventName()+".event_type", "not a string")
	}
	end, _ := skipString(p.s, i)
	if end < 0 {
		return end
	}
	text := unquote(p.s[i:end])
	if p.event.eventType != nil && !bytes.Equal(text, p.event.eventType) {
		return p.fail(i, p.eventName()+".event_type", "differs from the event_type before it")
	}
	p.event.eventType, p.event.code = text, codeOf(text)
	return end
}

// closed takes note of the end of the innermost container.
func (p *parser) closed(end int) int {
	switch p.depth {
	case inData:
		p.event.dataEnd = int32(end)
	case inEvents:
		p.array.end = int32(end)
	case inEvent:
		e := &p.event
		if e.eventType == nil {
			return p.fail(int(e.start), p.eventName()+".event_type", "missing")
		}
		e.end = int32(end)
		p.events = append(p.events, e.eventSpan)
	}
	p.depth--
	return end
}

func (p *parser) eventName() string { return fmt.Sprintf("events[%d]", len(p.events)) }
