package forwarder

import (
	"fmt"

	"github.com/eventferry/eventferry/batch"
)

// A TooLargeError is an event that fits into no message, or a batch whose
// messages together do not fit into the buffer. Nothing of the batch was sent.
type TooLargeError struct {
	Event int   // its [batch.Event.Index], the position in the batch as parsed, from 0; -1: the batch as a whole
	Size  int64 // bytes: key, value, headers and 128 bytes for each message, before compression
	Limit int64 // delivery.max_message_bytes, or delivery.max_buffered_bytes when all messages together are too large
}

// Error gives position, size and limit.
func (e *TooLargeError) Error() string {
	if e.Event < 0 {
		return fmt.Sprintf("forwarder: batch needs %d bytes, the limit is %d", e.Size, e.Limit)
	}
	return fmt.Sprintf("forwarder: event %d needs a message of %d bytes, the limit is %d", e.Event, e.Size, e.Limit)
}

// tooLarge names event i of the filtered batch by its position in the batch as
// parsed, which no dropping changes; an eventless batch has none.
func tooLarge(filtered *batch.Batch, i int, size, limit int64) *TooLargeError {
	e := &TooLargeError{Event: -1, Size: size, Limit: limit}
	place := 0
	for _, event := range filtered.Events() {
		if place == i {
			e.Event = event.Index()
			break
		}
		place++
	}
	return e
}
