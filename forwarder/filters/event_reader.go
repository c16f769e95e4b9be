package filters

import "bytes"

// An eventField is a member of an event's data that decides which data point
// matches it, or that holds attributes.
type eventField int8

const (
	otherField eventField = iota
	eventName
	customEventType
	screenName
	transitionType
	productAction
	promotionAction
	productImpressions
	ownAttributes
	eventFieldCount
)

func fieldOf(name []byte) eventField {
	switch string(name) {
	case "event_name":
		return eventName
	case "custom_event_type":
		return customEventType
	case "screen_name":
		return screenName
	case "application_transition_type":
		return transitionType
	case "product_action":
		return productAction
	case "promotion_action":
		return promotionAction
	case "product_impressions":
		return productImpressions
	case "custom_attributes":
		return ownAttributes
	}
	return otherField
}

// eventFields are the JSON texts of the members of one event's data, nil where
// there is none.
type eventFields [eventFieldCount][]byte

// An eventReader reads the data of events, each in one pass. SDKs write the members
// of all events in much the same order, so the reader compares what is between two
// values with what was there in the events before. Only where that differs does it
// look for the name.
type eventReader struct {
	eventFields
	repeated bool // one of the fields is there twice

	// The names of the custom attributes, in which there may be escape sequences, if
	// named is true: they are noted down on the way.
	names [maxNames][]byte
	count int
	named bool

	leads [maxLeads]memberLead // the first is that before all members
	known int                  // how many there are, from the second on
	spare memberLead           // one that was not worth keeping
	room  []byte               // the text of all
}

const (
	// maxLeads is how many members a reader remembers. mParticle's events have
	// about 20, those of all types together 60.
	maxLeads = 64

	// maxNames is how many names of attributes a reader notes down.
	maxNames = 32

	// maxLeadBytes bounds the text of all, so that no odd batch stays in memory.
	maxLeadBytes = 4096
)

// A memberLead is the text from the end of one value to the next: the comma, the name and
// the colon, with all white space. Members that are null and no fields are a part of it.
// The same text has the same names in it.
type memberLead struct {
	text  []byte
	field eventField

	next, other int8 // the leads that came after it, the last one first; 0: none
}

func newEventReader() *eventReader { return &eventReader{room: make([]byte, 0, maxLeadBytes)} }

// forget lets go of the text of the last event. A reader without room for more
// begins anew.
func (r *eventReader) forget() {
	r.eventFields, r.names = eventFields{}, [maxNames][]byte{}
	if r.spare.text != nil {
		*r = eventReader{room: r.room[:0]}
	}
}

// read reads the data of an event, which has no fields when it is no object.
func (r *eventReader) read(data []byte) {
	r.eventFields, r.repeated, r.named = eventFields{}, false, false
	if !isObjectText(data) {
		return
	}
	last := &r.leads[0]
	for i := len("{"); i < len(data) && data[i] != '}'; {
		next := &r.leads[last.next]
		if last.next == 0 || !bytes.HasPrefix(data[i:], next.text) {
			if next = r.learn(data, i, last); next == nil {
				return
			}
		}
		if i += len(next.text); i < len(data) && data[i] <= ' ' {
			i = skipBlank(data, i)
		}
		var end int
		if next.field == ownAttributes && i < len(data) && data[i] == '{' {
			end = r.readNames(data, i)
		} else {
			end = valueEnd(data, i)
		}
		if next.field != otherField {
			r.repeated = r.repeated || r.eventFields[next.field] != nil
			r.eventFields[next.field] = data[i:end]
		}
		last, i = next, end
	}
}

// readNames notes down the names of the members of the object at data[i], and
// returns the index after it.
func (r *eventReader) readNames(data []byte, i int) int {
	at := i + len("{")
	for r.count = 0; ; r.count++ {
		name, value, ok := memberAt(data, at)
		if !ok {
			break
		}
		if r.count == maxNames {
			return valueEnd(data, i)
		}
		r.names[r.count] = name
		at = valueEnd(data, value)
	}
	r.named = true
	return min(skipBlank(data, at)+len("}"), len(data))
}

// learn returns the lead at data[i], which comes after last, or nil when there are
// no more members.
func (r *eventReader) learn(data []byte, i int, last *memberLead) *memberLead {
	last.next, last.other = last.other, last.next
	if next := &r.leads[last.next]; last.next != 0 && bytes.HasPrefix(data[i:], next.text) {
		return next
	}
	name, value, ok := memberAt(data, i)
	if !ok {
		return nil
	}
	field := fieldOf(unescaped(name))
	for field == otherField && value < len(data) && data[value] == 'n' {
		after, afterValue, ok := memberAt(data, value+len("null"))
		if !ok {
			break
		}
		field, value = fieldOf(unescaped(after)), afterValue
	}
	text := data[i:value]
	for n := 1; n <= r.known && r.spare.text == nil; n++ { // once there is no room, a search is not worth it
		if bytes.Equal(r.leads[n].text, text) {
			last.next = int8(n)
			return &r.leads[n]
		}
	}
	learned := memberLead{text: text, field: field}
	start := len(r.room)
	if r.known == maxLeads-1 || len(text) > cap(r.room)-start {
		r.spare = learned
		return &r.spare
	}
	r.room = append(r.room, text...)
	learned.text = r.room[start:]
	r.known++
	last.next = int8(r.known)
	r.leads[r.known] = learned
	return &r.leads[r.known]
}
