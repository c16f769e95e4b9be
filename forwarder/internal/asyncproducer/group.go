package asyncproducer

import (
	"container/list"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// An acceptedGroup is a group on its way.
type acceptedGroup struct {
	group     *producer.Group
	timestamp int64 // of acceptance, in milliseconds
	next      int   // the first message that was not handed over
	queue     *partitionQueue
	element   *list.Element // in the list of queue; nil when it is not there
}

// withdrawLocked takes the messages that were never handed over off the queue, so
// that the caller alone settles them, and returns the index of the first.
func (g *acceptedGroup) withdrawLocked() int {
	if g.element != nil {
		g.queue.waiting.Remove(g.element)
		g.element = nil
	}
	first := g.next
	g.next = len(g.group.Messages)
	return first
}

// settleNotSent settles the messages from first on, which were never handed
// over.
func (g *acceptedGroup) settleNotSent(first int, cause error) {
	for i := first; i < len(g.group.Messages); i++ {
		g.group.Owner.Settle(i, producer.Result{Outcome: producer.NotSent, Partition: producer.NoPartition, Offset: -1, Err: cause})
	}
}

// A messageRef leads from a message of Sarama's back to its place in a group.
type messageRef struct {
	group *acceptedGroup
	index int
}

func (r messageRef) size() int { return r.group.group.Messages[r.index].Size() }

func (g *acceptedGroup) record(topic string, i int) *sarama.ProducerMessage {
	message := &g.group.Messages[i]
	m := &sarama.ProducerMessage{
		Topic:     topic,
		Partition: g.queue.number,
		Value:     sarama.ByteEncoder(message.Value),
		Timestamp: time.UnixMilli(g.timestamp),
		Offset:    -1, // stays so where a broker answers "duplicate"
	}
	if message.Key != nil { // a nil ByteEncoder would be an empty key, not none
		m.Key = sarama.ByteEncoder(message.Key)
	}
	m.Headers = headersOf(message)
	return m
}

func headersOf(m *producer.Message) (list []sarama.RecordHeader) {
	if m.Part != "" {
		list = append(list, sarama.RecordHeader{Key: []byte(producer.PartHeader), Value: []byte(m.Part)})
	}
	for _, h := range m.Headers {
		value := h.Value
		if value == nil { // Sarama would write Kafka's null
			value = []byte{}
		}
		list = append(list, sarama.RecordHeader{Key: []byte(h.Key), Value: value})
	}
	return list
}
