package forwarder

import (
	"math"
	"strconv"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// maxInt bounds what can be allocated at once. On 32-bit machines that may be
// less than delivery.max_buffered_bytes.
const maxInt = int64(math.MaxInt)

// maxKey is the length of the longest user id.
const maxKey = len("-9223372036854775808")

// An outline is a filtered batch that is measured and not yet encoded, so that a
// call that waits for room in the buffer has not taken memory of that size
// already.
type outline struct {
	batch *batch.Batch // nil: the batch was dropped
	whole int          // size of the value when the batch is one message as it is; else 0
	total int64        // bytes that all messages count for

	splitter splitter // when it is not one message as it is
	parts    partSizes

	topic  int       // of the forwarder's
	others []outline // of what goes to other topics

	given int      // events of the batch as it was given; 0, once the messages are encoded: all are kept
	kept  eventSet // of these events, once the messages are encoded

	headers []producer.Header // of each message

	keyText [maxKey]byte // here, so that it takes no allocation of its own
	keySize int
}

// measure sizes a filtered batch in o, which is new, and allocates nothing of its size.
// It fails if the batch cannot be sent.
func (p *pipeline) measure(b *batch.Batch, headers []producer.Header, o *outline) error {
	o.batch, o.headers = b, headers
	if id, ok := b.UserID(); ok {
		o.keySize = len(strconv.AppendInt(o.keyText[:0], id, 10))
	}
	fixed := producer.Message{Key: o.keyText[:o.keySize], Headers: headers}.Size() // of a message without value and part header
	if b.NumEvents() <= 1 || !p.messagePerEvent {
		o.whole = b.Size()
		if o.total = int64(o.whole) + int64(fixed); o.total <= int64(p.maxMessage) {
			return nil
		}
		if b.NumEvents() <= 1 {
			return tooLarge(b, 0, o.total, int64(p.maxMessage))
		}
	}
	o.whole = 0
	o.splitter = splitter{batch: b, perEvent: p.messagePerEvent, fixed: fixed, limit: p.maxMessage}
	var err error
	if o.parts, err = o.splitter.fit(); err != nil {
		return err
	}
	o.total = o.parts.total
	if limit := min(p.maxBuffer, maxInt); o.total > limit {
		return &TooLargeError{Event: -1, Size: o.total, Limit: limit}
	}
	return nil
}

// key is that of all messages. It is nil without a user id: an empty key would
// be one like any other.
func (o *outline) key() []byte {
	if o.keySize == 0 {
		return nil
	}
	return o.keyText[:o.keySize:o.keySize]
}

// valueBytes is the number of bytes of all values, without those of others.
func (o *outline) valueBytes() int {
	if o.whole == 0 { // no value is empty
		return int(o.parts.values) // which fit into the buffer
	}
	return o.whole
}

// messageCount is the number of messages, without those of others.
func (o *outline) messageCount() int {
	if o.whole == 0 {
		return o.parts.messages
	}
	return 1
}

// encode makes the messages, in list if it has room, without those of others. All
// values share buf, which has room for valueBytes. The messages' key is in o.
func (o *outline) encode(buf []byte, list []message) []message {
	if o.whole == 0 {
		return o.splitter.split(o.parts, o.headers, o.key(), buf, list)
	}
	// As it is: an absent or null "events" stays so.
	return append(list, message{events: o.batch.NumEvents(), key: o.key(), value: o.batch.AppendJSON(buf), headers: o.headers})
}

// release lets the filtered batch go, which may hold edits of any size, and keeps
// which events were left in it.
func (o *outline) release() {
	if o.batch.NumEvents() < o.given {
		o.kept = eventsOf(o.batch)
	} else {
		o.given = 0
	}
	o.batch, o.splitter.batch = nil, nil
	for i := range o.others {
		o.others[i].release()
	}
}

// sends reports whether event i, by its position in the batch as parsed, is in a
// message.
func (o *outline) sends(i int) bool { return o.given == 0 || o.kept.has(i) }
