package engine

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// What a request is planned to hold is what its record batches have: a message
// larger than the limit of a record batch is one of its own.
func TestTopicPartition_nextBytes(t *testing.T) {
	const limit = 1000
	message := func(bytes int) producer.Message {
		return producer.Message{Value: make([]byte, bytes-producer.Message{}.Size())}
	}
	for name, c := range map[string]struct {
		messages []producer.Message
		want     int
	}{
		"less than the limit":         {[]producer.Message{message(200), message(300)}, 500},
		"more than the limit":         {[]producer.Message{message(600), message(600)}, limit},
		"one larger than the limit":   {[]producer.Message{message(5000), message(200)}, 5000},
		"the second is larger":        {[]producer.Message{message(200), message(5000)}, limit},
		"one larger, nothing besides": {[]producer.Message{message(5000)}, 5000},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSubmission(&producer.Group{Messages: c.messages})
			p := &topicPartition{waitingBytes: s.bytes}
			p.waiting.pushBack(s)
			assert.Equal(t, c.want, p.nextBytesLocked(limit))
		})
	}
}
