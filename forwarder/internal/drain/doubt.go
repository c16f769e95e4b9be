package drain

import (
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// A Doubt is messages of which nothing can tell whether they are in Kafka: those of
// one record batch and of the parts that it was cut into, or all there are.
type Doubt struct {
	Topic     string // empty: not known
	Partition int32  // -1: not known
	Messages  int
	Cause     error
}

// doubtOf returns that of an intent which has ended so.
func doubtOf(topic string, e *producer.IntentEnd) Doubt {
	d := Doubt{Topic: topic, Partition: e.Partition, Cause: e.Cause}
	for _, r := range ranges(e.InDoubt) {
		d.Messages += r.Len()
	}
	return d
}

// pendingOf counts the messages that are neither done nor refused.
func pendingOf(s *spoolstore.Store, list []spoolstore.Range) int {
	n := 0
	for _, r := range list {
		for _, run := range s.Pending(r) {
			n += run.Len()
		}
	}
	return n
}
