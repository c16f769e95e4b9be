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
	name, nameEnd int32 // with its quotes
	value, end    int32
}

// An eventSpan is an element of the member "events".
type eventSpan struct {
	start, end int32
	data       int32 // the value of the event's member "data"; 0 when it has none, or several
	name       int32 // the value of the data's member "event_name"; the same
	code       typeCode
}
