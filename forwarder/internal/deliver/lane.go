package deliver

import (
	"container/list"
	"time"

	"github.com/IBM/sarama"
)

// window is how many messages of a partition AsyncProducer has at most. It must
// be more than fit into one record batch of small messages, and less than the
// producer's channels hold.
const window = 1024

// limits bound what AsyncProducer gets.
type limits struct {
	messages int   // of a partition, undecided
	bytes    int   // of them: one record batch, so that a partition that waits never fills the broker's request
	numbered int64 // messages of a partition before its sequence numbers must start anew
	failures int   // messages that failed before the epochs must start anew
}

// A lane is one partition's way.
type lane struct {
	partition int32
	queue     list.List // of *entry, in the order of acceptance: with messages to hand over
	flying    int       // messages that the session has
	bytes     int       // of those
	since     time.Time // of the last progress, or of the first message after a pause
	listed    bool      // in Async.ready
	session   *session  // that has had its messages; they have all ended if it is not the current one
	numbered  int64     // messages that session has had
}

func (l *lane) undecidedLocked() bool { return l.flying > 0 || l.queue.Len() > 0 }

// An entry is a group on its way.
type entry struct {
	group *Group
	stamp time.Time // of acceptance
	next  int       // first message not handed over

	lane  *lane         // nil until the partition is known
	place *list.Element // in the lane's queue, or in Async.unplaced while lane is nil
	queue *list.List    // which of the two; nil when in neither
}

func (e *entry) pushLocked(q *list.List) {
	e.queue = q
	e.place = q.PushBack(e)
}

func (e *entry) removeLocked() {
	if e.queue != nil {
		e.queue.Remove(e.place)
		e.queue, e.place = nil, nil
	}
}

// restLocked takes what was never handed over off the queue, so that the caller
// alone settles it, and returns the index of the first such message.
func (e *entry) restLocked() int {
	e.removeLocked()
	first := e.next
	e.next = len(e.group.Messages)
	return first
}

// refuse settles the messages from first on: they were never handed over.
func (e *entry) refuse(first int, cause error) {
	for i := first; i < len(e.group.Messages); i++ {
		e.group.Owner.Settle(i, Result{Outcome: NotSent, Partition: -1, Offset: -1, Err: cause})
	}
}

// A ticket finds the way back from Sarama's message to its place in a group.
type ticket struct {
	entry *entry
	index int
}

func (e *entry) record(topic string, i int) *sarama.ProducerMessage {
	g := e.group
	m := &sarama.ProducerMessage{
		Topic:     topic,
		Value:     sarama.ByteEncoder(g.Messages[i].Value),
		Timestamp: e.stamp,
		Offset:    -1, // stays so where a broker answers "duplicate"
		Metadata:  ticket{e, i},
	}
	if e.lane != nil {
		m.Partition = e.lane.partition
	}
	if key := g.Messages[i].Key; key != nil { // a nil ByteEncoder would be an empty key, not none
		m.Key = sarama.ByteEncoder(key)
	}
	if part := g.Messages[i].Part; part != "" {
		m.Headers = []sarama.RecordHeader{{Key: []byte(PartHeader), Value: []byte(part)}}
	}
	return m
}
