package batch

import "github.com/eventferry/eventferry/batch/internal/jsontext"

// An index is what Parse notes down about the text of a batch, so that the usual
// lookups need not read the text again. It never changes, and clones share it.
// Offsets are those of the text before edits.
type index struct {
	userID  int64 // 0: none
	members []memberSpan
	names   nameSet // of members
	events  []eventSpan
	types   typeSet       // of all events
	open    int32         // where the batch's opening brace is
	array   span          // the value of the member "events" with its brackets; empty when absent or null
	context watchedObject // the member "context", and its member "location"
	device  watchedObject // the member "device_info", and its member "device"
}

// A span is text[start:end].
type span struct{ start, end int32 }

// start returns the offset of the batch's opening brace.
func (x *index) start() int { return int(x.open) }

// beforeEvent returns the index after the event before event i, or after the
// opening bracket.
func (x *index) beforeEvent(i int) int {
	if i == 0 {
		return int(x.array.start) + 1
	}
	return int(x.events[i-1].end)
}

// watched returns what was noted down of a member of the batch and the member of
// that, or nil if nothing was.
func (x *index) watched(path []string) *watchedObject {
	switch {
	case len(path) != 2:
	case path[0] == "context" && path[1] == "location":
		return &x.context
	case path[0] == "device_info" && path[1] == "device":
		return &x.device
	}
	return nil
}

// A memberSpan is a member of the batch object.
type memberSpan struct {
	at      int32 // where its name begins
	colon   int32 // after its name
	end     int32 // after its value
	escaped bool  // there are escape sequences in the name
	tight   bool  // its value begins right behind the colon, and that behind the name

	first, last byte // of the name in its quotes
}

// maybe reports whether the member may be of that name. It looks at no text, and
// for most other names it says no.
func (m *memberSpan) maybe(name string) bool {
	if m.escaped {
		return true
	}
	n := len(name)
	return int(m.colon-m.at) == n+len(`""`) && (n == 0 || m.first == name[0] && m.last == name[n-1])
}

// A nameSet tells quickly of most names that a batch has no member of that name. It
// has a bit for each member, which others may share.
type nameSet uint64

// namesOf returns the names of the members. To note down each of them on its way would
// slow Parse down.
func namesOf(members []memberSpan) (s nameSet) {
	for i := range members {
		m := &members[i]
		if m.escaped {
			return ^nameSet(0) // it may be of any name
		}
		s |= nameBit(int(m.colon-m.at)-len(`""`), m.first, m.last)
	}
	return s
}

// maybe reports whether there may be a member of that name.
func (s nameSet) maybe(name string) bool {
	n := len(name)
	return n == 0 || s&nameBit(n, name[0], name[n-1]) != 0
}

// nameBit returns the bit of a name. With these factors nearly all names that
// mParticle's batches have get bits of their own.
func nameBit(length int, first, last byte) nameSet {
	return 1 << ((5*uint(length) + 9*uint(first) + 5*uint(last)) % 64)
}

// valueAt returns where the member's value begins in the text.
func (m *memberSpan) valueAt(text []byte) int {
	if m.tight {
		return int(m.colon) + 1
	}
	return jsontext.SkipColon(text, int(m.colon))
}

// An eventSpan is an element of the member "events".
type eventSpan struct {
	start, end int32
	data       watchedObject // the member "data", and its member "location"
	name       lastOffset    // the member "event_name" of the last member "data"
	code       typeCode
}

// inData returns what was noted down of a member of the event's data, if anything
// was.
func (e *eventSpan) inData(name string) (n lastOffset, ok bool) {
	switch name {
	case "event_name":
		return e.name, true
	case "location":
		return e.data.value, true
	}
	return 0, false
}

// A watchedObject is a member that is mostly an object, and one member of that,
// which settings may want removed.
type watchedObject struct {
	at       lastOffset
	end      int32      // after the last one, if it is an object, or else 0
	value    lastOffset // the value of the member of the last one
	valueEnd int32      // after that, unless the member is repeated
	gap      uint16     // from the entry before the member, or the opening brace, to its value; 0: too large
}

// beforeMember returns the index after the entry before the member, or after the
// opening brace, if that was noted down.
func (w *watchedObject) beforeMember() (i int, ok bool) {
	return w.value.offset() - int(w.gap), w.gap > 0
}

// A lastOffset is where the value of the last member of some name begins. It is
// negative if others of that name precede it, and 0 if there is none.
type lastOffset int32

// note notes down one more member of the name.
func (n *lastOffset) note(value int) {
	if *n != 0 {
		value = -value
	}
	*n = lastOffset(value)
}

func (n lastOffset) repeated() bool { return n < 0 }

func (n lastOffset) offset() int { return int(max(n, -n)) }
