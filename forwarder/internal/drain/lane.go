package drain

import (
	"math"
	"slices"
)

// A lane is the messages of one partition, or all that have no key. The reading
// goroutine alone uses it, but for what Drain.mu guards.
type lane struct {
	next    uint64  // messages of the lane below it are loaded, or were done
	blocked bool    // those from next on were passed over
	behind  bool    // they are being read again
	needs   int64   // what the first of these takes, if it is blocked; 0: not known
	after   []*lane // lanes of a former era whose messages must end first

	partition int32       // of a lane of what a former process has intended
	recovered []*entryEnd // of such a lane: what has messages that were recovered

	// Guarded by Drain.mu.
	memory *partitionMemory
	groups int // that the producer has
}

// emptyLocked reports whether the producer has none of its messages.
func (l *lane) emptyLocked() bool {
	return l.groups == 0 && !slices.ContainsFunc(l.recovered, (*entryEnd).hasRecovered)
}

// An era is a time with one number of partitions. Growth moves users: what was
// not loaded before it goes to the partition of the new era, and waits until
// what was loaded for the old partition has ended.
type era struct {
	count int32
	lanes map[int32]*lane
	until uint64 // every message that was loaded in it is below
}

// keyless is the lane of messages without a key: the producer chooses their
// partition.
const keyless = int32(-1)

// emptyLocked reports whether the producer has none of its messages, save those without a
// key, whose lane goes on.
func (e *era) emptyLocked() bool {
	for id, l := range e.lanes {
		if id != keyless && !l.emptyLocked() {
			return false
		}
	}
	return true
}

// A topicLanes is how far the messages of one topic are. The reading goroutine alone
// uses it.
type topicLanes struct {
	Topic
	eras     []*era             // the last one is the current one; it has no partitions until they are known
	intended map[string][]*lane // by key, of what a former process has intended
	passed   uint64             // the first entry that was passed over until they were known; noRestart
	holds    bool               // there are messages, and they are not known
	memory   topicMemory
}

func newTopicLanes(t Topic) *topicLanes {
	if t.Unsent == nil {
		t.Unsent = &Unsent{}
	}
	return &topicLanes{
		Topic: t, eras: []*era{{lanes: map[int32]*lane{}}}, intended: map[string][]*lane{}, passed: noRestart,
		memory: topicMemory{partitions: map[int32]*partitionMemory{}},
	}
}

func (t *topicLanes) current() *era { return t.eras[len(t.eras)-1] }

// lane returns the current lane of a partition, or of messages without a key.
func (t *topicLanes) lane(id int32) *lane {
	e := t.current()
	l := e.lanes[id]
	if l == nil {
		l = &lane{memory: t.memory.of(id)}
		e.lanes[id] = l
	}
	return l
}

// met reports whether the partitions are known.
func (t *topicLanes) met() bool { return t.current().count > 0 }

// meetable reports whether they have become known.
func (t *topicLanes) meetable() bool { return !t.met() && t.Partitions() > 0 }

// intendedLane returns the lane of what a former process has intended of one user.
func (t *topicLanes) intendedLane(key []byte, partition int32) *lane {
	for _, l := range t.intended[string(key)] {
		if l.partition == partition {
			return l
		}
	}
	l := &lane{partition: partition, memory: t.memory.of(partition)}
	t.intended[string(key)] = append(t.intended[string(key)], l)
	return l
}

// mayGoLocked reports whether what must end before the lane's messages has
// ended.
func (l *lane) mayGoLocked() bool {
	l.after = slices.DeleteFunc(l.after, (*lane).emptyLocked)
	return len(l.after) == 0
}

// noRestart is no message's number: nothing is to be read again.
const noRestart = math.MaxUint64
