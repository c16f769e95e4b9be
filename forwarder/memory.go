package forwarder

import (
	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// held is how many bytes of memory a batch takes from its acceptance until it is
// decided: the batch as given, which is kept for Remaining, the values, and the
// records about it. The filtered clone is let go when the values are written. The
// buffer counts these, so that delivery.max_buffered_bytes is true of small
// batches, too, of which the values are the least.
func (o *outline) held(given *batch.Batch) int64 {
	size := o.valueBytes()
	for i := range o.others {
		size += o.others[i].valueBytes()
	}
	_, values := shelfFor(size)
	return int64(values) + o.heldBesideValues(given)
}

// heldBesideValues is what a stored batch takes while its caller waits for Kafka:
// its values are on the disk, and no longer in memory.
func (o *outline) heldBesideValues(given *batch.Batch) int64 {
	messages := o.allMessages()
	fixed := callBytes
	if messages > 1 {
		fixed += messages * (sizeOf[accepted]() + sizeOf[producer.Result]() + sizeOf[producer.Message]() + 1)
	}
	for _, h := range o.headers {
		fixed += sizeOf[producer.Header]() + h.Size()
	}
	fixed += len(o.others) * (sizeOf[outline]() + sizeOf[topicGroup]() + o.given/8)
	return int64(given.MemorySize()+o.given/8) + int64(fixed)
}

// allMessages is the number of messages to all topics.
func (o *outline) allMessages() int {
	n := o.messageCount()
	for i := range o.others {
		n += o.others[i].messageCount()
	}
	return n
}

// stockMessageBytes is about what Sarama's stock producer holds for each message
// beside what held counts.
const stockMessageBytes = 420

// producerBytes is about what a producer, the runtime for a context that ends and
// the allocator's rounding add for each batch.
const producerBytes = 640

// callBytes is what each batch takes beside its text. Asking a type for its size is not
// free.
//
//nolint:gochecknoglobals // a constant in all but name
var callBytes = sizeOf[call]() + producerBytes
