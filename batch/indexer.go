package batch

import (
	"math"

	"github.com/eventferry/eventferry/batch/internal/jsontext"
)

// An indexer makes the index of a batch from what a parser tells it as it goes
// along, and refuses what is no batch. It watches containers of four kinds, each
// inside one of the kind before, and so each at a depth of its own, and two other
// members of the batch, which are as deep as events.
//
// Its methods trust the text before the offset that they are given. A value that
// is yet to come may be broken: they leave that to the parser.
type indexer struct {
	index
	text          []byte
	depth         int  // of the innermost open container that is watched, or noWatch
	watchNext     bool // the next container is to be watched
	watchAllNames bool // all members of the container are worth a look
	entryOpen     bool // the end of the watched object's member is still to come
	inDevice      bool // the watched member of the batch is device_info
	hasUserID     bool // a member "mpid" was there
	hasEvents     bool // a member "events" was there
	event         openEvent
}

// noWatch is the depth at which an indexer takes note of nothing.
const noWatch = -1

const (
	inBatch = 1 + iota
	inEvents
	inEvent
	inData

	inMember = inEvents // in another watched member of the batch
)

// An openEvent is what is known so far of the event that the parser is in.
type openEvent struct {
	eventSpan
	eventType []byte // nil: none so far
}

// newIndexer returns an indexer for a batch whose opening brace is text[start],
// if there is one.
func newIndexer(text []byte, start int) indexer {
	return indexer{
		index: index{
			members: make([]memberSpan, 0, 24),
			events:  make([]eventSpan, 0, len(text)/700+1), // room for those of usual size
			open:    int32(start),
		},
		text:      text,
		watchNext: jsontext.ByteAt(text, start) == '{',
	}
}

// wants reports whether the indexer wants to know of a member at depth, by what is
// known of its name before looking at it. Most members are in the data of events.
func (x *indexer) wants(depth, nameLength int, escaped bool) bool {
	return depth == x.depth && (x.watchAllNames || watchedLengths>>(nameLength%64)&1 == 1 || escaped)
}

// watches reports whether the innermost open container, at depth, is watched.
func (x *indexer) watches(depth int) bool { return depth == x.depth }

// watchesEvents reports whether the innermost open container, which is an array at
// depth, holds the events.
func (x *indexer) watchesEvents(depth int) bool { return depth == inEvents && depth == x.depth }

// watchedLengths has the bits of the lengths that names may have in watched
// objects, with quotes. Names that are 64 longer get a look too, which does no harm.
const watchedLengths uint64 = 1<<len(`"location"`) | 1<<len(`"event_name"`) | 1<<len(`"device"`)

// opened takes note of a container at depth that the parser has entered.
func (x *indexer) opened(depth int) {
	if x.watchNext {
		x.watchNext = false
		x.watch(depth)
	}
}

// watch goes on with the entries of the container at depth. In the batch and in
// events all members are worth a look.
func (x *indexer) watch(depth int) {
	x.depth, x.watchAllNames = depth, depth == inBatch || depth == inEvent
}

// member takes note of a member whose value is about to begin.
func (x *indexer) member(at, colon, value int, escaped bool) *Error {
	if x.entryOpen {
		x.entryEnded(beforeName(x.text, at))
	}
	name := x.text[at+1 : colon-1]
	if escaped {
		name = jsontext.Unquote(x.text[at:colon])
	}
	switch x.depth {
	case inBatch:
		x.members = append(x.members, memberSpan{
			at: int32(at), colon: int32(colon), escaped: escaped, tight: value == colon+1,
			first: x.text[at+1], last: x.text[colon-2],
		})
		return x.batchMember(string(name), value)
	case inEvent:
		switch string(name) {
		case "data":
			x.watchObject(&x.event.data, value)
			x.event.name = 0
		case "event_type":
			return x.noteEventType(value)
		}
	case inData:
		switch string(name) {
		case "event_name":
			x.event.name.note(value)
		case "location":
			x.entry(at, value)
		}
	case inMember:
		if x.inDevice && string(name) == "device" || !x.inDevice && string(name) == "location" {
			x.entry(at, value)
		}
	}
	return nil
}

// batchMember takes note of a member of the batch.
func (x *indexer) batchMember(name string, value int) *Error {
	switch name {
	case "context":
		x.inDevice = false
		x.watchObject(&x.context, value)
	case "device_info":
		x.inDevice = true
		x.watchObject(&x.device, value)
	case "mpid":
		return x.noteUserID(value)
	case "events":
		return x.noteEvents(value)
	}
	return nil
}

// watchObject takes note of a member that may be a watched object. What is known
// of one before it counts no more.
func (x *indexer) watchObject(w *watchedObject, value int) {
	w.at.note(value)
	w.end, w.value = 0, 0
	x.watchNext = jsontext.ByteAt(x.text, value) == '{'
}

// watchedObject returns the watched object that the parser is in.
func (x *indexer) watchedObject() *watchedObject {
	switch {
	case x.depth == inData:
		return &x.event.data
	case x.inDevice:
		return &x.device
	}
	return &x.context
}

// entry takes note of the member for whose sake an object is watched. Its end
// shows when the next one comes, or the end of the object.
func (x *indexer) entry(at, value int) {
	w := x.watchedObject()
	w.value.note(value)
	w.gap = uint16(min(value-beforeName(x.text, at), math.MaxUint16+1)) // 0 if that is too much
	x.entryOpen, x.watchAllNames = true, true
}

func (x *indexer) entryEnded(end int) {
	x.watchedObject().valueEnd, x.entryOpen, x.watchAllNames = int32(end), false, false
}

// beforeName returns the index after the entry before the member whose name
// begins at s[i], or after the opening brace.
func beforeName(s []byte, i int) int {
	if s[i-1] == ',' && s[i-2] > ' ' { // so it is mostly
		return i - 1
	}
	i = jsontext.SkipSpaceBack(s, i)
	if s[i-1] == '{' {
		return i
	}
	return jsontext.SkipSpaceBack(s, i-1)
}

// valueEnded takes note of the end of a value in the container at depth.
func (x *indexer) valueEnded(depth, end int) {
	if depth == inBatch && depth == x.depth {
		x.memberEnded(end)
	}
}

func (x *indexer) memberEnded(end int) {
	if n := len(x.members); n > 0 { // not so when the batch is empty
		x.members[n-1].end = int32(end)
	}
}

// closed takes note of the end of the container that is watched.
func (x *indexer) closed(end int) *Error {
	if x.entryOpen {
		x.entryEnded(jsontext.SkipSpaceBack(x.text, end-1))
	}
	switch x.depth {
	case inData:
		x.event.data.end = int32(end)
	case inEvents: // or inMember
		if x.text[end-1] == '}' {
			x.watchedObject().end = int32(end)
		} else {
			x.array.end = int32(end)
		}
	case inEvent:
		e := &x.event
		if e.eventType == nil {
			return refusal(int(e.start), x.eventName()+".event_type", "missing")
		}
		e.end = int32(end)
		x.types.add(e.code)
		x.events = append(x.events, e.eventSpan)
	}
	x.watch(x.depth - 1)
	return nil
}
