// Package deliver is the seam between the forwarder, which decides what is
// sent, and the producer, which sends it. Nothing above this package knows
// which producer that is.
//
// The contract is narrow on purpose, because a producer behind it may be
// exchanged while the forwarder's own promises stay: messages are accepted in
// groups, one group for each batch; the producer keeps the order of acceptance
// within a partition; every message is settled exactly once.
package deliver

import (
	"errors"
	"time"
)

// Outcome is what is known of one message.
type Outcome int8

// The three outcomes. The zero value is Unknown, so that an outcome nobody
// has set never claims more than is known.
const (
	Unknown      Outcome = iota // may or may not be in Kafka
	Acknowledged                // written to all in-sync replicas
	NotSent                     // not in Kafka, and can no longer get there
)

// A Message is one Kafka record that waits to be produced. The producer reads
// it and never changes it; its bytes must stay as they are until it is settled.
// Once its whole group is acknowledged they may become others: the producer
// reads them no more.
type Message struct {
	Key   []byte // nil: no key, and the partition is chosen at random
	Value []byte
	Part  string // value of the header eventferry-part; empty: no header
}

const (
	// PartHeader is the name of the only header that messages ever carry.
	PartHeader = "eventferry-part"

	// overhead is more than what Kafka's record format adds to the bytes of a
	// message, its share of the record batch included.
	overhead = 128
)

// Size is what m counts for against limits: key, value, header and 128 bytes,
// before compression.
func (m Message) Size() int {
	size := len(m.Key) + len(m.Value) + overhead
	if m.Part != "" {
		size += len(PartHeader) + len(m.Part)
	}
	return size
}

// A Result is how one message ended.
type Result struct {
	Outcome   Outcome
	Partition int32 // -1 while none was chosen
	Offset    int64 // -1 unless the broker told it
	Err       error // nil when acknowledged
}

// A Settler learns how the messages of a group end.
type Settler interface {
	// Settle is called exactly once for each message that was not withdrawn,
	// with its index, on any goroutine: the producer's, or that of a call to
	// Submit. It must not block and must not call the producer.
	Settle(i int, r Result)
}

// A Group is what one batch became: one or more messages that are accepted
// together and go to one partition, in order.
type Group struct {
	Messages []Message
	Owner    Settler

	State any // the producer's own, from Submit on
}

// Waiting is a partition on which nothing has been acknowledged for a while
// although messages are undecided.
type Waiting struct {
	Partition int32     // -1: messages whose partition cannot be chosen yet
	Since     time.Time // of the last progress, or of acceptance if later
	Cause     error     // nil when the producer does not know
	Next      string    // what the producer tries next
}

// A Producer delivers groups to one topic. Its methods may be called from any
// number of goroutines.
type Producer interface {
	// Submit accepts g. It does not block: whoever calls it bounds the memory.
	// After Close every message is settled as not sent.
	Submit(g *Group)

	// Withdraw takes back the messages of g that are on no way that they cannot
	// be taken back from: those from first on. They are not sent, and the caller's to settle. The
	// others keep their place and settle later. partition is where they go, -1
	// while that is not known.
	Withdraw(g *Group) (partition int32, first int)

	// Waiting lists the partitions that have waited for at least patience.
	Waiting(patience time.Duration) []Waiting

	// Close aborts. Before it returns every message is settled: as not sent
	// where that is certain, else as unknown unless an acknowledgement came.
	// It may be called more than once, and always waits for the end.
	Close() error
}

// ErrClosed is the cause, or one of the causes, of what Close settles.
var ErrClosed = errors.New("closed")
