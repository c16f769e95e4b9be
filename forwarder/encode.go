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

// encode turns a filtered batch into messages. All is sized before anything is
// allocated; key and values share one buffer.
func (p *pipeline) encode(b *batch.Batch) ([]message, error) {
	var key []byte // nil without a user id: an empty key would be one like any other
	if id, ok := b.UserID(); ok {
		key = strconv.AppendInt(make([]byte, 0, 20), id, 10)
	}
	fixed := deliver.Message{Key: key}.Size() // what a message counts for beside value and header
	if b.NumEvents() <= 1 || !p.messagePerEvent {
		size := b.Size()
		need := int64(size) + int64(fixed)
		if need <= int64(p.maxMessage) {
			return whole(b, key, size), nil
		}
		if b.NumEvents() <= 1 {
			return nil, tooLarge(b, 0, need, int64(p.maxMessage))
		}
	}
	s := splitter{batch: b, perEvent: p.messagePerEvent, fixed: fixed, limit: p.maxMessage}
	all, err := s.measure()
	if err != nil {
		return nil, err
	}
	if limit := min(p.maxBuffer, maxInt); all.total > limit {
		return nil, &TooLargeError{Event: -1, Size: all.total, Limit: limit}
	}
	return s.split(all, key), nil
}

// whole makes one message of the batch as it is: an absent or null "events"
// stays so.
func whole(b *batch.Batch, key []byte, size int) []message {
	buf, key := begin(key, size)
	buf = b.AppendJSON(buf)
	return []message{{events: b.NumEvents(), key: key, value: buf[len(key):len(buf):len(buf)]}}
}

// begin allocates the buffer for the key and so many bytes of values, and moves
// the key there.
func begin(key []byte, values int) (buf, moved []byte) {
	buf = append(make([]byte, 0, len(key)+values), key...)
	if key == nil {
		return buf, nil
	}
	return buf, buf[:len(key):len(key)]
}
