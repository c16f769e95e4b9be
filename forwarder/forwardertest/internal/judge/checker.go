package judge

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/trace"
)

// The invariants, each by the name of its violation.
const (
	Lost             = "lost"             // what is acknowledged is in the log
	Duplicated       = "duplicated"       // an event is in the log once at most
	OutOfOrder       = "out of order"     // a user's batches are in the order of their numbers
	WrongPartition   = "wrong partition"  // key and partition follow from the user id; no user id: any
	AlteredContent   = "altered content"  // what is in the log was forwarded, byte for byte
	SentAfterNotSent = "sent after all"   // what was reported not sent is not in the log
	WrongOffset      = "wrong offset"     // partition and offset are as reported
	RealTimeOrder    = "real-time order"  // what returned before another began is before it
	NoProgress       = "no progress"      // after healing all calls return and new batches pass
	Leaked           = "leaked"           // goroutines, files and memory come back
	NothingHappened  = "nothing happened" // faults hit, and something was delivered in them
	SecretLeaked     = "secret leaked"    // no password and no payload in any output
	GaveUp           = "gave up"          // no error but the caller's context, while the faults are of the kind that passes
	BadTimestamp     = "bad timestamp"    // that of acceptance; within a partition it never decreases while the process lives
	Contradiction    = "contradiction"    // outcomes do not contradict each other
	WrongTopic       = "wrong topic"      // an event is in the topic of its route only
	MixedWindow      = "mixed window"     // a window's message is of one device, and says what the last of its batches said
)

// invariants are all of them, in the order of reports.
func invariants() []string {
	return []string{
		Lost, Duplicated, OutOfOrder, WrongPartition, AlteredContent, SentAfterNotSent, WrongOffset, RealTimeOrder,
		NoProgress, Leaked, NothingHappened, SecretLeaked, GaveUp, BadTimestamp, Contradiction, WrongTopic, MixedWindow,
	}
}

// A Violation is one broken promise.
type Violation struct {
	Invariant string
	Text      string
	at        attemptID // of the attempt, owner -1: of none
}

// A checker compares the log with the history. It is given all messages of each
// partition in order.
type checker struct {
	h          *history
	placement  placement
	partitions []int32   // the numbers of partitions that the topic had
	forgiven   uint32    // attempts invoked before this position may be gone with their topic
	begun      time.Time // the beginning of the history; zero: timestamps mean nothing
	clockAhead time.Time // when the forwarder's clock was ahead for the first time; zero: never
	spread     bool      // choices of a partition without a user id are counted
	topic      int       // of the messages that are checked; 0 without routes
	door       bool      // what was posted again may be there as a batch of fewer events
	doubted    int       // messages that are there twice since Kafka could not tell

	doubts      bool // what is in doubt is counted
	leastDoubts int

	violations []Violation
	counts     map[string]int
	messages   int
	events     int
	gathered   gathered
	ids        bitset
	pieces     map[uint32]uint64 // events seen of batches that need not be whole
	users      []last            // by topic, owner, its devices and number of partitions
	keyless    []choice          // of batches without a user id
	stamps     map[topicPartition]stamp
	buf        []byte
}

// last is what was seen of an owner.
type last struct {
	lives  [2]order // of the newest two lives, by parity
	first  uint32   // number of all
	newest uint32
}

// An order is what was seen of one life of an owner. What a killed process had
// sent may arrive after what the next one sends.
type order struct {
	n, part uint32
	invoke  uint32 // latest of all attempts seen
	life    uint16
}

// A stamp is the time of a partition's newest message, and the life that wrote
// it.
type stamp struct {
	at   time.Time
	life uint16
}

const lastBit = 7 // of what is kept of an attempt's messages

const maxReported = 20 // violations of one kind that are kept

func newChecker(h *history, partitions ...int32) *checker {
	return &checker{
		h: h, placement: newPlacement(), partitions: partitions,
		spread: true,
		counts: map[string]int{},
		pieces: map[uint32]uint64{},
		stamps: map[topicPartition]stamp{},
		users:  make([]last, len(h.owners)*load.Devices*len(partitions)*max(1, h.params.Topics)),
	}
}

func (c *checker) add(invariant string, at attemptID, format string, args ...any) {
	c.counts[invariant]++
	if c.counts[invariant] <= maxReported {
		c.violations = append(c.violations, Violation{Invariant: invariant, Text: fmt.Sprintf(format, args...), at: at})
	}
}

// noAttempt stands for no attempt in particular.
func noAttempt() attemptID { return attemptID{owner: -1} }

// check takes the next message of the log.
func (c *checker) check(m *forwardertest.Message) {
	c.messages++
	if c.h.params.Windows {
		c.checkGathered(m)
		return
	}
	b, ok := load.ReadBatch(m.Value)
	c.checkBatch(m, b, ok)
}

// checkBatch takes the part of a message that is of one batch, as if it were alone. ok
// says that there is such a batch.
func (c *checker) checkBatch(m *forwardertest.Message, b load.Batch, ok bool) {
	where := c.where(m)
	if !ok || b.Owner < 0 || b.Owner >= len(c.h.owners) || b.N == 0 || int(b.N) > len(c.h.owners[b.Owner]) {
		c.add(AlteredContent, noAttempt(), "%s: no owner forwarded this", where)
		return
	}
	at := attemptID{b.Owner, b.N}
	a := &c.h.owners[b.Owner][b.N-1]
	if a.id != b.ID {
		c.add(AlteredContent, at, "%s: id %d, but it was %d", where, b.ID, a.id)
		return
	}
	part, parts := partOf(m)
	if part < 0 {
		c.add(AlteredContent, at, "%s: header is no part number", where)
		return
	}
	if !c.checkTopic(at, a, m, where) {
		return
	}
	outcome, index := c.outcome(at, a, part)
	count, placed := c.checkPlace(at, m, where)
	c.checkStamp(at, a, outcome, m, where)
	from, to := c.checkContent(at, a, m, parts, where)
	if outcome.Outcome == trace.NotSent {
		c.add(SentAfterNotSent, at, "%s: id %d was reported as not sent", where, a.id)
		return // sent again it is no duplicate: this one should not be
	}
	if outcome.Partition == m.Partition && outcome.Offset == m.Offset {
		a.placed |= 1 << min(index, lastBit)
	}
	place := part
	if c.door || c.h.params.Windows { // the rest of a batch has parts of its own
		place = from
	}
	if c.checkOnce(at, a, index, from, to, where) && placed { // elsewhere it has no order
		c.checkOrder(at, a, place, count, outcome.Outcome == trace.Acknowledged, m, where)
	}
}

// checkStamp compares the time of a message with the call and with the message
// before.
func (c *checker) checkStamp(at attemptID, a *attempt, told trace.Message, m *forwardertest.Message, where string) {
	log := topicPartition{c.topic, m.Partition}
	before, life := c.stamps[log], c.h.lifeOf(a)
	older := before.life == life && m.Timestamp.Before(before.at)
	switch {
	case older && told.Outcome == trace.Unknown && (!a.several || c.h.params.Divided(a.id)):
		// A copy that came late: nothing fences those of a producer id that the
		// brokers have lost.
	case older:
		c.add(BadTimestamp, at, "%s: %s, the message before has %s", where, m.Timestamp, before.at)
	default:
		c.stamps[log] = stamp{m.Timestamp, life}
	}
	const slack = 250 * time.Millisecond // clocks are set
	accepted := m.Timestamp.Sub(c.begun)
	since, until := time.Duration(a.since)*time.Millisecond-slack, time.Duration(a.until)*time.Millisecond+slack
	if !c.clockAhead.IsZero() && until > c.clockAhead.Sub(c.begun) {
		until += maxLead
	}
	bounded := a.ret != 0
	if c.h.spool != nil { // messages are dated when they are sent for the first time
		bounded = bounded && !a.stored && !a.later && a.outcome == trace.Acknowledged
	}
	if !c.begun.IsZero() && (accepted < since || bounded && accepted > until) {
		c.add(BadTimestamp, at, "%s: %s after the beginning, but the call was from %s to %s", where, accepted, since+slack, until-slack)
	}
}

// maxLead is how far timestamps may be ahead of a clock that was ahead before.
const maxLead = time.Minute

// partOf reads the header of split batches: the index and the number of parts.
func partOf(m *forwardertest.Message) (i, n int) {
	if len(m.Headers) == 0 {
		return 0, 1
	}
	h := m.Headers[0]
	first, second, _ := strings.Cut(string(h.Value), "/")
	i, err := strconv.Atoi(first)
	n, err2 := strconv.Atoi(second)
	if len(m.Headers) > 1 || h.Key != "eventferry-part" || err != nil || err2 != nil || i < 1 || i > n {
		return -1, 0
	}
	return i - 1, n
}

// checkPlace reports whether the message is where it belongs, and with which
// of the topic's numbers of partitions.
func (c *checker) checkPlace(at attemptID, m *forwardertest.Message, where string) (count int, ok bool) {
	user := c.h.params.User(at.owner)
	if user == 0 {
		if m.Key != nil {
			c.add(WrongPartition, at, "%s: a key, but the batch has no user id", where)
		}
		return 0, m.Key == nil
	}
	key := strconv.AppendInt(nil, user, 10)
	if !bytes.Equal(m.Key, key) {
		c.add(WrongPartition, at, "%s: the key is not the user id", where)
		return 0, false
	}
	for i, n := range c.partitions {
		if c.placement.of(key, n) == m.Partition {
			return i, true
		}
	}
	c.add(WrongPartition, at, "%s: the user belongs to partition %d", where, c.placement.of(key, c.partitions[0]))
	return 0, false
}

// checkContent returns the events that the message holds.
func (c *checker) checkContent(at attemptID, a *attempt, m *forwardertest.Message, parts int, where string) (from, to int) {
	p := c.h.params
	from, to = 0, p.Events(a.id)
	divided := p.Divided(a.id)
	whole := divided || load.Hash(m.Value) == a.hash
	if c.door && !whole && p.Shape(a.id) == load.Split {
		parts = 0 // the rest of it may be one message
	}
	if c.h.params.Windows {
		parts = 0 // what is missing shows as that
	}
	if parts == 1 && !whole {
		c.add(AlteredContent, at, "%s: other bytes than were forwarded", where)
		return from, to
	}
	if parts == 1 && !a.partial && !divided {
		return from, to
	}
	low, high := from, to
	if a.partial {
		span := c.h.spans[at]
		low, high = span[0], span[1]
	}
	low, high = p.TopicEvents(a.id, c.topic, low, high)
	first, n := load.FirstEvent(m.Value)
	from, to = max(low, first), min(high, first+n)
	c.buf = p.Append(c.buf[:0], load.Batch{Owner: at.owner, N: at.n, ID: a.id}, from, to)
	if !bytes.Equal(c.buf, m.Value) {
		c.add(AlteredContent, at, "%s: other bytes than events %d to %d of what was forwarded", where, from, to)
	}
	return from, to
}

// checkOnce reports whether this is the first occurrence.
func (c *checker) checkOnce(at attemptID, a *attempt, index, from, to int, where string) bool {
	a.seen |= 1 << min(index, lastBit)
	if !c.inPieces(a) {
		if c.ids.has(a.id) {
			c.again(at, a, "%s: id %d is there already", where, a.id)
			return false
		}
		c.ids.add(a.id)
		c.events += to - from
		return true
	}
	events := uint64(1)<<to - uint64(1)<<from
	if c.pieces[a.id]&events != 0 {
		c.again(at, a, "%s: events %d to %d of id %d are there already", where, from, to, a.id)
		return false
	}
	c.pieces[a.id] |= events
	c.events += to - from
	return true
}

// again is [Duplicated], unless the sender could not know that the batch was there: a door
// answers then that it is to come again, since else it might be lost.
func (c *checker) again(at attemptID, a *attempt, format string, args ...any) {
	if c.door && a.doubted {
		c.doubted++
		return
	}
	c.add(Duplicated, at, format, args...)
}

func (c *checker) checkOrder(at attemptID, a *attempt, part, count int, acknowledged bool, m *forwardertest.Message, where string) {
	device := c.h.params.Device(at.owner, at.n)
	l := &c.users[((c.topic*len(c.h.owners)+at.owner)*load.Devices+device)*len(c.partitions)+count]
	if c.h.params.User(at.owner) == 0 {
		// One choice for all parts. In a fault some partitions have no leader.
		if part == 0 && m.Partition < slices.Max(c.partitions) && c.spread && !a.troubled {
			c.keyless = append(c.keyless, choice{m.Timestamp, m.Partition})
		}
		return
	}
	life := c.h.lifeOf(a)
	o, other := &l.lives[life%2], &l.lives[(life+1)%2]
	if life < o.life {
		return // two lives ago
	}
	if life > o.life {
		*o = order{life: life}
	}
	if at.n < o.n || at.n == o.n && uint32(part) <= o.part { //nolint:gosec // small
		c.add(OutOfOrder, at, "%s: number %d part %d of owner %d after number %d part %d", where, at.n, part+1, at.owner, o.n, o.part+1)
	}
	// A call that returned without knowing promises nothing beyond its life.
	began := o.invoke
	if acknowledged {
		began = max(began, other.invoke)
	}
	if a.ret != 0 && a.ret < began {
		c.add(RealTimeOrder, at, "%s: number %d of owner %d had returned before what is in front of it began", where, at.n, at.owner)
	}
	if at.n >= o.n {
		o.n, o.part = at.n, uint32(part) //nolint:gosec // small
	}
	o.invoke = max(o.invoke, a.invoke)
	if l.first == 0 {
		l.first = at.n
	}
	l.newest = max(l.newest, at.n)
}
