package forwarder

import (
	"math"
	"strconv"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/deliver"
)

// maxInt bounds what can be allocated at once. On 32-bit machines that may be
// less than delivery.max_buffered_bytes.
const maxInt = int64(math.MaxInt)

// An outline is a filtered batch that is sized and not yet encoded, so that a
// call that waits for room has not taken it already.
type outline struct {
	batch *batch.Batch
	key   []byte
	whole int   // the size of the value when the batch is one message as it is
	total int64 // bytes that all messages count for

	splitter splitter // otherwise
	all      sizes
}

// measure sizes a filtered batch, which allocates nothing of its size. The key is
// written to room, which may be nil.
func (p *pipeline) measure(b *batch.Batch, room []byte) (outline, error) {
	o := outline{batch: b}
	if id, ok := b.UserID(); ok { // the key is nil without: an empty key would be one like any other
		o.key = strconv.AppendInt(room, id, 10)
	}
	fixed := deliver.Message{Key: o.key}.Size() // what a message counts for beside value and header
	if b.NumEvents() <= 1 || !p.messagePerEvent {
		o.whole = b.Size()
		if o.total = int64(o.whole) + int64(fixed); o.total <= int64(p.maxMessage) {
			return o, nil
		}
		if b.NumEvents() <= 1 {
			return outline{}, tooLarge(b, 0, o.total, int64(p.maxMessage))
		}
	}
	o.whole = 0
	o.splitter = splitter{batch: b, perEvent: p.messagePerEvent, fixed: fixed, limit: p.maxMessage}
	var err error
	if o.all, err = o.splitter.measure(); err != nil {
		return outline{}, err
	}
	o.total = o.all.total
	if limit := min(p.maxBuffer, maxInt); o.total > limit {
		return outline{}, &TooLargeError{Event: -1, Size: o.total, Limit: limit}
	}
	return o, nil
}

// values is the number of bytes of all values.
func (o *outline) values() int {
	if o.whole == 0 { // no value is empty
		return int(o.all.values) // which fit into the buffer
	}
	return o.whole
}

// encode makes the messages, in list if it has room. All values share buf, which
// has.
func (o *outline) encode(buf []byte, list []message) []message {
	if o.whole == 0 {
		return o.splitter.split(o.all, o.key, buf, list)
	}
	// As it is: an absent or null "events" stays so.
	return append(list, message{events: o.batch.NumEvents(), key: o.key, value: o.batch.AppendJSON(buf)})
}
