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

// An eventSpan is an element of the member "events".
type eventSpan struct {
	start, end int32
	data       int32 // the value of the event's last member "data", or 0
	name       int32 // the value of that one's last member "event_name", or 0
	code       typeCode
}

// shortcut returns the place that reading at a path from event i leads to, if
// the index knows it: a place without a document is nowhere. Edits inside the
// event make the index useless for it.
func (b *Batch) shortcut(i int, path []string) (at place, known bool) {
	e := &b.events[i]
	j := b.base.after(int(e.start))
	if len(path) == 0 || path[0] != "data" || j < b.base.splices.len() && b.base.splices.at(j).start < int(e.end) {
		return place{}, false
	}
	pos := e.data
	if len(path) > 1 {
		if path[1] != "event_name" {
			return place{}, false
		}
		pos = e.name
	}
	switch {
	case len(path) > 2:
		return place{}, false
	case pos == 0:
		return place{}, true
	}
	return place{&b.base, int(pos)}, true
}
