package batch

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
)

// notes are what a parser has noted down so far. It takes notes of containers
// of four kinds, each inside one of the kind before, and so each at a depth of
// its own, and of two other members of the batch, which are as deep as events.
type notes struct {
	index
	depth    int  // of the innermost open container that notes are taken of; -1: of none at all
	wanted   bool // the next container is one
	keen     bool // all its members are worth a look, whatever their names
	unended  bool // the end of the holder's member is still to come
	inDevice bool // the member of the batch that is a holder is device_info
	hasID    bool // a member "mpid" was there
	hasList  bool // a member "events" was there
	event    eventNote
}

const (
	inBatch = 1 + iota
	inEvents
	inEvent
	inData

	inMember = inEvents // in another member of the batch that is a holder
)

// An eventNote is what is known of the event at hand.
type eventNote struct {
	eventSpan
	eventType []byte // nil: none so far
}

// The methods that take notes return a negative number when they do not like
// what they see, as parser's methods do.

// notable tells whether to take note of a member, by what is known of its name
// before looking at it. Most members are in the data of events.
func (p *parser) notable(length int, escaped bool) bool {
	return p.keen || lengths>>(length%64)&1 == 1 || escaped
}

// lengths has the bits of those that names may have in holders, with quotes.
// Names that are 64 longer get a look too, which does no harm.
const lengths uint64 = 1<<len(`"location"`) | 1<<len(`"event_name"`) | 1<<len(`"device"`)

// enter goes on with the members of the container at depth. In the batch and in
// events all of them are worth a look.
func (p *parser) enter(depth int) { p.depth, p.keen = depth, depth == inBatch || depth == inEvent }

// member takes note of a member whose value is about to begin.
func (p *parser) member(at, colon, value int, escaped bool) int {
	if p.unended {
		p.entryEnd(beforeName(p.s, at))
	}
	name := p.s[at+1 : colon-1]
	if escaped {
		name = unquote(p.s[at:colon])
	}
	switch p.depth {
	case inBatch:
		p.members = append(p.members, memberSpan{
			at: int32(at), colon: int32(colon), escaped: escaped, tight: value == colon+1,
			first: p.s[at+1], last: p.s[colon-2],
		})
		switch string(name) {
		case "context":
			p.inDevice = false
			p.holds(&p.context, value)
		case "device_info":
			p.inDevice = true
			p.holds(&p.device, value)
		case "mpid":
			return p.userID(value)
		case "events":
			return p.list(value)
		}
	case inEvent:
		switch string(name) {
		case "data":
			p.holds(&p.event.data, value)
			p.event.name = 0
		case "event_type":
			return p.eventType(value)
		}
	case inData:
		switch string(name) {
		case "event_name":
			p.event.name.found(value)
		case "location":
			p.entry(at, value)
		}
	case inMember:
		if p.inDevice && string(name) == "device" || !p.inDevice && string(name) == "location" {
			p.entry(at, value)
		}
	}
	return 0
}

// holds takes note of a member that may be a holder. What is known of one before
// it counts no more.
func (p *parser) holds(h *holder, value int) {
	h.at.found(value)
	h.end, h.value = 0, 0
	p.wanted = at(p.s, value) == '{'
}

// holder returns the holder that the parser is in.
func (p *parser) holder() *holder {
	switch {
	case p.depth == inData:
		return &p.event.data
	case p.inDevice:
		return &p.device
	}
	return &p.context
}

// entry takes note of the holder's member that holders are there for. Where that
// ends shows when the next one comes, or the end of the holder.
func (p *parser) entry(at, value int) {
	h := p.holder()
	h.value.found(value)
	h.lead = uint16(min(value-beforeName(p.s, at), math.MaxUint16+1)) // 0 if that is too much
	p.unended, p.keen = true, true
}

func (p *parser) entryEnd(end int) {
	p.holder().valueEnd, p.unended, p.keen = int32(end), false, false
}

// beforeName returns the index after the entry before the member whose name
// begins at s[i], or after the opening brace.
func beforeName(s []byte, i int) int {
	if s[i-1] == ',' && s[i-2] > ' ' { // so it is mostly
		return i - 1
	}
	i = skipSpaceBack(s, i)
	if s[i-1] == '{' {
		return i
	}
	return skipSpaceBack(s, i-1)
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
	if p.unended {
		p.entryEnd(skipSpaceBack(p.s, end-1))
	}
	switch p.depth {
	case inData:
		p.event.data.end = int32(end)
	case inEvents: // or inMember
		if p.s[end-1] == '}' {
			p.holder().end = int32(end)
		} else {
			p.array.end = int32(end)
		}
	case inEvent:
		e := &p.event
		if e.eventType == nil {
			return p.fail(int(e.start), p.eventName()+".event_type", "missing")
		}
		e.end = int32(end)
		p.types.add(e.code)
		p.events = append(p.events, e.eventSpan)
	}
	p.enter(p.depth - 1)
	return end
}

func (p *parser) eventName() string { return fmt.Sprintf("events[%d]", len(p.events)) }
