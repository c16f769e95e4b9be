package forwarder

import "github.com/eventferry/eventferry/forwarder/internal/producer"

// A message is one Kafka record of a batch and the events in it.
type message struct {
	firstEvent, events int    // counted in the batch as filtered
	key, value         []byte // once all are acknowledged the value's bytes may be another batch's
	part               string // "i/n" when the batch was split
	headers            []producer.Header
}

func (m message) record() producer.Message {
	return producer.Message{Key: m.key, Value: m.value, Part: m.part, Headers: m.headers}
}
