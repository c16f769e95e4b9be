package batch

// An index is what Parse notes down about the bytes of a batch, so that what is
// looked up most is found without reading them again. It never changes, and
// clones share it. Offsets are those of the parsed bytes.
type index struct {
	userID  int64 // 0: none
	members []memberSpan
	events  []eventSpan
	array   span // the value of the member "events" with its brackets; empty when absent or null
}

// A span is bytes[start:end].
type span struct{ start, end int32 }

// A memberSpan is a member of the batch object.
type memberSpan struct {
	at      int32 // where its name begins
	colon   int32 // after its name
	end     int32 // after its value
	escaped bool  // there are escape sequences in the name
}

// An eventSpan is an element of the member "events". If its member data is
// repeated, this is about the last one.
type eventSpan struct {
	start, end int32
	data       noted
	dataEnd    int32 // after data, if that is an object, or else 0
	name       noted // data's member "event_name"
	location   noted // data's member "location"
	code       typeCode
}

// named returns what was noted down of a member of data of that name, if
// anything was.
func (e *eventSpan) named(name string) (n noted, ok bool) {
	switch name {
	case "event_name":
		return e.name, true
	case "location":
		return e.location, true
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
