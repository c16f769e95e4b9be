package batch

// An index is what Parse notes down about the bytes of a batch, so that what is
// looked up most is found without reading them again. It never changes, and
// clones share it. Offsets are those of the parsed bytes.
type index struct {
	userID  int64 // 0: none
	members []memberSpan
	events  []eventSpan
	types   typeSet // of all events
	open    int32   // where the batch's opening brace is
	array   span    // the value of the member "events" with its brackets; empty when absent or null
	context holder  // the member "context", and its member "location"
	device  holder  // the member "device_info", and its member "device"
}

// A span is bytes[start:end].
type span struct{ start, end int32 }

// A memberSpan is a member of the batch object.
type memberSpan struct {
	at      int32 // where its name begins
	colon   int32 // after its name
	end     int32 // after its value
	escaped bool  // there are escape sequences in the name
	tight   bool  // its value begins right behind the colon, and that behind the name

	first, last byte // of the name in its quotes
}

// maybe tells whether the member may be of that name. It looks at no text, and
// for most other names it says no.
func (m *memberSpan) maybe(name string) bool {
	if m.escaped {
		return true
	}
	n := len(name)
	return int(m.colon-m.at) == n+len(`""`) && (n == 0 || m.first == name[0] && m.last == name[n-1])
}

// An eventSpan is an element of the member "events".
type eventSpan struct {
	start, end int32
	data       holder // the member "data", and its member "location"
	name       noted  // the member "event_name" of the last member "data"
	code       typeCode
}

// A holder is a member that is an object, mostly, and one member of that, which
// settings may want removed. If the holder is repeated, all but at is about the
// last one; if the member is, only value means anything of what is about it.
type holder struct {
	at       noted
	end      int32  // after it, if it is an object, or else 0
	value    noted  // the value of its member
	valueEnd int32  // after that
	lead     uint16 // from the entry before, or the opening brace, to the value; 0: too much
}

// prev returns the index after the entry before the member, or after the opening
// brace, if that was noted down.
func (h *holder) prev() (i int, ok bool) { return h.value.pos() - int(h.lead), h.lead > 0 }

// named returns what was noted down of a member of data of that name, if
// anything was.
func (e *eventSpan) named(name string) (n noted, ok bool) {
	switch name {
	case "event_name":
		return e.name, true
	case "location":
		return e.data.value, true
	}
	return 0, false
}

// A noted is where the value of a member begins: the last one of that name, and
// negative if there are others before it. 0: there is none.
type noted int32

func (n *noted) found(value int) {
	if *n != 0 {
		value = -value
	}
	*n = noted(value)
}

func (n noted) repeated() bool { return n < 0 }

func (n noted) pos() int { return int(max(n, -n)) }
