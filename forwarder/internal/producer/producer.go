// Package producer is the seam between the forwarder, which decides what is
// sent, and the producer, which sends it. No package above knows which producer
// that is.
//
// The contract is narrow on purpose: a producer behind it may be exchanged while
// the forwarder's promises stay. Messages are accepted in groups, one for each
// batch. The producer keeps the order of acceptance within a partition. Every
// message is settled exactly once.
package producer

import (
	"errors"
	"time"
)

// Outcome says how far one message got.
type Outcome int8

// The three outcomes. The zero value is Unknown, so that an outcome that was not
// set claims no more than is known.
const (
	Unknown      Outcome = iota // may or may not be in Kafka
	Acknowledged                // written to all in-sync replicas
	NotSent                     // not in Kafka, and can no longer get there
	Stored                      // on disk, and on its way; no producer returns it
)

// A Message is one Kafka record to produce. The producer reads
// it and never changes it; its bytes must stay as they are until it is settled.
// Once its whole group is acknowledged the producer no longer reads them, and they
// may be reused.
type Message struct {
	Key     []byte // nil: no key, and the partition is chosen at random
	Value   []byte
	Part    string   // value of the header eventferry-part, the first; empty: no such header
	Headers []Header // behind it; messages of a group may share them
}

// A Header is a header of a message.
type Header struct {
	Key   string
	Value []byte // nil is sent as an empty value
}

const (
	// PartHeader is the key of the header of split messages.
	PartHeader = "eventferry-part"

	// Overhead is more than what Kafka's record format adds to the bytes of a
	// message, its share of the record batch included.
	Overhead = 128

	// headerOverhead is the most that Kafka's record format adds to a header: the
	// lengths of its key and its value. That of PartHeader is in Overhead.
	headerOverhead = 10
)

// Size is what h counts for in each message that has it.
func (h Header) Size() int { return len(h.Key) + len(h.Value) + headerOverhead }

// Size is what m counts for against limits: key, value, headers and 128 bytes,
// before compression.
func (m Message) Size() int {
	size := len(m.Key) + len(m.Value) + Overhead
	if m.Part != "" {
		size += len(PartHeader) + len(m.Part)
	}
	for _, h := range m.Headers {
		size += h.Size()
	}
	return size
}

// NoPartition stands for the partition of messages for which none is chosen yet.
const NoPartition int32 = -1

// A Result is how one message ended.
type Result struct {
	Outcome   Outcome
	Partition int32 // NoPartition while none was chosen
	Offset    int64 // -1 if the broker did not tell it
	Err       error // nil when acknowledged
}

// A Settler learns how the messages of a group end.
type Settler interface {
	// Settle is called exactly once for each message that was not withdrawn, with
	// its index in the group. It is called on any goroutine: one of the producer's,
	// or that of a call to Submit. It must not block and must not call the producer.
	Settle(i int, r Result)
}

// A Group is what one batch became: one or more messages that are accepted
// together and go to one partition, in order.
type Group struct {
	Messages []Message
	Owner    Settler

	// First is the number of the first message, if they are kept in a journal;
	// the others follow. 0: they are not.
	First uint64

	// Fixed is the partition that the group must go to, plus one; 0: the
	// producer chooses.
	Fixed int32

	// Doubtful: messages of it may be in Kafka already, under numbers that were
	// given up ([Doubtful]). So none of it is settled as not sent.
	Doubtful bool

	State any // the producer's own, from Submit on
}

// Waiting is a partition on which nothing has been acknowledged for a while
// although messages are undecided.
type Waiting struct {
	Partition int32     // -1: messages whose partition cannot be chosen yet
	Since     time.Time // of the last progress, or of acceptance if later
	Cause     error     // nil when the producer does not know
	Certain   bool      // no broker knows more of the cause
	Next      string    // what the producer tries next
}

// MetadataMaxAge is how old a producer's metadata may get before it asks again.
// Within that time it sees new partitions. It is Java's metadata.max.age.ms.
const MetadataMaxAge = 5 * time.Minute

// A Producer delivers groups to one topic. Its methods may be called from any
// number of goroutines.
type Producer interface {
	// Submit accepts g. It does not block: the caller bounds the memory. After
	// Close every message is settled as not sent.
	Submit(g *Group)

	// Withdraw removes the messages of g that are certainly not written and in no
	// request: those from index first on. They will not be sent; the caller settles
	// them. The others keep their place and settle later. partition is g's, -1
	// while it is not known.
	Withdraw(g *Group) (partition int32, first int)

	// Waiting returns the partitions without progress for at least patience.
	Waiting(patience time.Duration) []Waiting

	// Close aborts. Before it returns every message is settled: as acknowledged if
	// an acknowledgement came, as not sent if that is certain, as unknown
	// otherwise. It may be called more than once, and always waits for the end.
	Close() error
}

// ErrClosed is the cause, or one of the causes, of what Close settles.
var ErrClosed = errors.New("closed")
