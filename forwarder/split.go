package forwarder

import (
	"strconv"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// A splitter makes several messages of one batch: one of each event, or parts
// that hold as many events as fit. It goes over the events twice: fit allocates
// nothing, split fills.
type splitter struct {
	batch    *batch.Batch
	perEvent bool
	fixed    int // bytes of a message beside value and part header
	limit    int // bytes of a message
	digits   int // of the number of parts in the part header; 0: no such header
}

// partSizes are how many messages a batch becomes, and how large they are.
type partSizes struct {
	messages int
	values   int64 // bytes of all values
	total    int64 // bytes that all messages count for
}

// fit finds out how many messages it takes. It fails if an event fits into none.
func (s *splitter) fit() (partSizes, error) {
	if s.perEvent {
		return s.count()
	}
	// The header's length depends on the number of parts, and their number on
	// the header's length: begin with the fewest digits.
	for {
		s.digits++
		all, err := s.count()
		if err != nil || digits(all.messages) <= s.digits {
			return all, err
		}
	}
}

// count goes over the events once, for a header with as many digits as s says.
func (s *splitter) count() (partSizes, error) {
	var all partSizes
	for from := 0; from < s.batch.NumEvents(); {
		to, size := s.next(all.messages, from)
		need := int64(size) + int64(s.header(all.messages)) + int64(s.fixed)
		if need > int64(s.limit) {
			return partSizes{}, tooLarge(s.batch, from, need, int64(s.limit))
		}
		all.messages++
		all.values += int64(size)
		all.total += need
		from = to
	}
	return all, nil
}

// next returns where message i ends if it begins with event from, and the size
// of its value. It always has one event, even if that does not fit.
func (s *splitter) next(i, from int) (to, size int) {
	to = from + 1
	size = s.batch.EventsSize(from, to)
	if s.perEvent {
		return to, size
	}
	room := s.limit - s.fixed - s.header(i)
	for to < s.batch.NumEvents() {
		longer := s.batch.EventsSize(from, to+1)
		if longer > room {
			break
		}
		to, size = to+1, longer
	}
	return to, size
}

// header returns the size of message i's part header.
func (s *splitter) header(i int) int {
	if s.digits == 0 {
		return 0
	}
	return len(producer.PartHeader) + digits(i+1) + len("/") + s.digits
}

// split makes the messages that fit has found, in list if it has room. Their
// values go to buf.
func (s *splitter) split(all partSizes, headers []producer.Header, key, buf []byte, list []message) []message {
	if cap(list) < all.messages {
		list = make([]message, all.messages)
	}
	messages := list[:all.messages]
	from := 0
	for i := range messages {
		to, _ := s.next(i, from)
		start := len(buf)
		buf = s.batch.AppendEvents(buf, from, to)
		messages[i] = message{firstEvent: from, events: to - from, key: key, value: buf[start:len(buf):len(buf)], headers: headers}
		if s.digits > 0 {
			messages[i].part = strconv.Itoa(i+1) + "/" + strconv.Itoa(all.messages)
		}
		from = to
	}
	return messages
}

// digits returns the length of n in decimal.
func digits(n int) int {
	count := 1
	for ; n >= 10; n /= 10 {
		count++
	}
	return count
}
