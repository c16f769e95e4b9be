package drain

import (
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// A Topic is a topic to which messages are sent.
type Topic struct {
	Name     string // as in the entries
	Producer producer.Producer

	// Partitions returns how many partitions there are; 0 while that is not
	// known. Nothing is sent to the topic before.
	Partitions func() int32

	// TopicID returns the topic's id, zero if brokers do not tell it. nil: the id is
	// always that of the intents.
	TopicID func() [16]byte

	// Unsent, if it is set, is told while messages for the topic wait in the store.
	Unsent *Unsent

	// Recovered are messages that the producer has from the start, from Recover.
	Recovered []producer.Recovered
}

// partOf returns the topic of the message at from, and the index behind the messages
// from there on that are for the same one.
func partOf(e *spoolstore.Entry, from int) (topic string, to int) {
	topic = e.TopicOf(from)
	for to = from + 1; to < len(e.Messages) && e.TopicOf(to) == topic; {
		to++
	}
	return topic, to
}

// partAround returns the topic of the message at an index, and the range of messages
// around it that are for the same one.
func partAround(e *spoolstore.Entry, at int) (topic string, from, to int) {
	for from = at; from > 0 && e.TopicOf(from-1) == e.TopicOf(at); {
		from--
	}
	topic, to = partOf(e, from)
	return topic, from, to
}

// entryNumbers returns the numbers of the messages [from, to) of an entry.
func entryNumbers(r *spoolstore.Record, from, to int) spoolstore.Range {
	return spoolstore.Range{First: r.First + uint64(from), Next: r.First + uint64(to)} //nolint:gosec // indexes
}
