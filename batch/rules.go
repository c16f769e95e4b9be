package batch

import (
	"bytes"
	"fmt"

	"github.com/eventferry/eventferry/batch/internal/jsontext"
)

// The methods here read the members that make an object a batch: mpid, events and
// event_type. They return an error for what JSON allows and a batch does not.

// noteUserID reads the value of a member "mpid".
func (x *indexer) noteUserID(i int) *Error {
	if c := jsontext.ByteAt(x.text, i); c == '{' || c == '[' {
		return refusal(i, "mpid", "neither an integer nor a string")
	}
	end := jsontext.SkipScalar(x.text, i)
	if end < 0 || end == len(x.text) { // broken, or it might have gone on
		return nil
	}
	id, ok := parseUserID(x.text[i:end])
	switch {
	case !ok:
		return refusal(i, "mpid", "not a 64-bit integer")
	case x.hasUserID && id != x.userID:
		return refusal(i, "mpid", "differs from the mpid before it")
	}
	x.userID, x.hasUserID = id, true
	return nil
}

// parseUserID returns 0 for what means that there is no user.
func parseUserID(value []byte) (int64, bool) {
	if value[0] == '"' {
		value = jsontext.Unquote(value)
		if len(value) == 0 {
			return 0, true
		}
	} else if string(value) == "null" {
		return 0, true
	}
	return jsontext.ParseInt(value)
}

// noteEvents looks at the beginning of the value of a member "events".
func (x *indexer) noteEvents(i int) *Error {
	c := jsontext.ByteAt(x.text, i)
	switch {
	case i == len(x.text):
		return nil
	case x.hasEvents:
		return refusal(i, "events", "second member of that name")
	case c != '[' && c != 'n':
		return refusal(i, "events", "neither an array nor null")
	}
	x.hasEvents = true
	if c == '[' {
		x.watchNext, x.array.start = true, int32(i)
	}
	return nil
}

// element takes note of an event that is about to begin.
func (x *indexer) element(i int) *Error {
	if c := jsontext.ByteAt(x.text, i); c != '{' {
		if c != '[' && jsontext.SkipScalar(x.text, i) < 0 {
			return nil
		}
		return refusal(i, x.eventName(), "not an object")
	}
	x.watchNext, x.event = true, openEvent{eventSpan: eventSpan{start: int32(i)}}
	return nil
}

// noteEventType reads the value of a member "event_type".
func (x *indexer) noteEventType(i int) *Error {
	switch {
	case i == len(x.text):
		return nil
	case x.text[i] != '"':
		return refusal(i, x.eventName()+".event_type", "not a string")
	}
	end, _ := jsontext.SkipString(x.text, i)
	if end < 0 {
		return nil
	}
	text := jsontext.Unquote(x.text[i:end])
	if x.event.eventType != nil && !bytes.Equal(text, x.event.eventType) {
		return refusal(i, x.eventName()+".event_type", "differs from the event_type before it")
	}
	x.event.eventType, x.event.code = text, codeOf(text)
	return nil
}

func (x *indexer) eventName() string { return fmt.Sprintf("events[%d]", len(x.events)) }
