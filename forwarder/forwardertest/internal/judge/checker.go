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

// The invariants.
const (
	I1    = "I1 lost"              // what is acknowledged is in the log
	I2    = "I2 duplicate"         // an event is in the log once at most
	I3    = "I3 order"             // a user's batches are in the order of their numbers
	I4    = "I4 partition"         // key and partition follow from the user id; no user id: any
	I5    = "I5 content"           // what is in the log was forwarded, byte for byte
	I6    = "I6 not sent"          // what was not sent is not in the log
	I7    = "I7 reported place"    // partition and offset are as reported
	I8    = "I8 real time"         // what returned before another began is before it
	I9    = "I9 progress"          // after healing all calls return and new batches pass
	I10   = "I10 leak"             // goroutines, files and memory come back
	I11   = "I11 nothing happened" // faults hit, and something was delivered in them
	I12   = "I12 secret"           // no password and no payload in any output
	Retry = "gave up"              // no error but the caller's context, while the faults are of the kind that passes
	Stamp = "timestamp"            // that of acceptance; within a partition it never decreases while the process lives
	Odd   = "contradiction"        // outcomes that contradict each other
)

// A Violation is one broken promise.
type Violation struct {
	Invariant string
	Text      string
	at        place // of the attempt, owner -1: of none
}

// A checker compares the log with the history. It is given all messages of each
// partition in order.
type checker struct {
	h          *history
	placing    placing
	partitions []int32   // the numbers of partitions that the topic had
	forgiven   uint32    // attempts invoked before this position may be gone with their topic
	begun      time.Time // the beginning of the history; zero: timestamps mean nothing
	spread     bool      // choices of a partition without a user id are counted

	violations []Violation
	counts     map[string]int
	messages   int
	events     int
	ids        bitset
	pieces     map[uint32]uint64 // events seen of batches that need not be whole
	users      []last            // by owner, and by number of partitions
	keyless    []choice          // of batches without a user id
	stamps     map[int32]stamp
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

const mostTold = 20 // violations of one kind that are kept

func newChecker(h *history, partitions ...int32) *checker {
	return &checker{
		h: h, placing: newPlacing(), partitions: partitions,
		spread: true,
		counts: map[string]int{},
		pieces: map[uint32]uint64{},
		stamps: map[int32]stamp{},
		users:  make([]last, len(h.owners)*len(partitions)),
	}
}

func (c *checker) add(invariant string, at place, format string, args ...any) {
	c.counts[invariant]++
	if c.counts[invariant] <= mostTold {
		c.violations = append(c.violations, Violation{Invariant: invariant, Text: fmt.Sprintf(format, args...), at: at})
	}
}

// nowhere stands for no attempt in particular.
func nowhere() place { return place{owner: -1} }

// see takes the next message of the log.
func (c *checker) see(m *forwardertest.Message) {
	c.messages++
	where := fmt.Sprintf("partition %d offset %d", m.Partition, m.Offset)
	b, ok := load.ReadBatch(m.Value)
	if !ok || b.Owner >= len(c.h.owners) || b.N == 0 || int(b.N) > len(c.h.owners[b.Owner]) {
		c.add(I5, nowhere(), "%s: nobody has forwarded this", where)
		return
	}
	at := place{b.Owner, b.N}
	a := &c.h.owners[b.Owner][b.N-1]
	if a.id != b.ID {
		c.add(I5, at, "%s: id %d, but it was %d", where, b.ID, a.id)
		return
	}
	part, parts := partOf(m)
	if part < 0 {
		c.add(I5, at, "%s: header is no part number", where)
		return
	}
	count, placed := c.checkPlace(at, m, where)
	c.checkStamp(at, a, m, where)
	from, to := c.checkContent(at, a, m, parts, where)
	outcome := trace.Message{Partition: -1, Offset: -1}
	if all := c.h.outcomes(at, a); part < len(all) {
		outcome = all[part]
	}
	if outcome.Outcome == trace.NotSent {
		c.add(I6, at, "%s: id %d was reported as not sent", where, a.id)
		return // sent again it is no duplicate: this one should not be
	}
	if outcome.Partition == m.Partition && outcome.Offset == m.Offset {
		a.placed |= 1 << min(part, lastBit)
	}
	if c.checkOnce(at, a, part, from, to, where) && placed { // elsewhere it has no order
		c.checkOrder(at, a, part, count, outcome.Outcome == trace.Acknowledged, m, where)
	}
}

// checkStamp compares the time of a message with the call and with the message
// before.
func (c *checker) checkStamp(at place, a *attempt, m *forwardertest.Message, where string) {
	if before := c.stamps[m.Partition]; before.life == a.life && m.Timestamp.Before(before.at) {
		c.add(Stamp, at, "%s: %s, the message before has %s", where, m.Timestamp, before.at)
	}
	c.stamps[m.Partition] = stamp{m.Timestamp, a.life}
	const slack = 250 * time.Millisecond // clocks are set
	accepted := m.Timestamp.Sub(c.begun)
	since, until := time.Duration(a.since)*time.Millisecond-slack, time.Duration(a.until)*time.Millisecond+slack
	if !c.begun.IsZero() && (accepted < since || a.ret != 0 && accepted > until) {
		c.add(Stamp, at, "%s: %s after the beginning, but the call was from %s to %s", where, accepted, since+slack, until-slack)
	}
}

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
func (c *checker) checkPlace(at place, m *forwardertest.Message, where string) (count int, ok bool) {
	user := c.h.params.User(at.owner)
	if user == 0 {
		if m.Key != nil {
			c.add(I4, at, "%s: a key, but the batch has no user id", where)
		}
		return 0, m.Key == nil
	}
	key := strconv.AppendInt(nil, user, 10)
	if !bytes.Equal(m.Key, key) {
		c.add(I4, at, "%s: the key is not the user id", where)
		return 0, false
	}
	for i, n := range c.partitions {
		if c.placing.of(key, n) == m.Partition {
			return i, true
		}
	}
	c.add(I4, at, "%s: the user belongs to partition %d", where, c.placing.of(key, c.partitions[0]))
	return 0, false
}

// checkContent returns the events that the message holds.
func (c *checker) checkContent(at place, a *attempt, m *forwardertest.Message, parts int, where string) (from, to int) {
	p := c.h.params
	from, to = 0, p.Events(a.id)
	if parts == 1 && load.Hash(m.Value) != a.hash {
		c.add(I5, at, "%s: other bytes than were forwarded", where)
		return from, to
	}
	if parts == 1 && !a.partial {
		return from, to
	}
	low, high := from, to
	if a.partial {
		span := c.h.spans[at]
		low, high = span[0], span[1]
	}
	first, n := load.FirstEvent(m.Value)
	from, to = max(low, first), min(high, first+n)
	c.buf = p.Append(c.buf[:0], load.Batch{Owner: at.owner, N: at.n, ID: a.id}, from, to)
	if !bytes.Equal(c.buf, m.Value) {
		c.add(I5, at, "%s: other bytes than events %d to %d of what was forwarded", where, from, to)
	}
	return from, to
}

// checkOnce reports whether this is the first occurrence.
func (c *checker) checkOnce(at place, a *attempt, part, from, to int, where string) bool {
	a.seen |= 1 << min(part, lastBit)
	if c.h.params.Shape(a.id) != load.Split {
		if c.ids.has(a.id) {
			c.add(I2, at, "%s: id %d is there already", where, a.id)
			return false
		}
		c.ids.add(a.id)
		c.events += to - from
		return true
	}
	events := uint64(1)<<to - uint64(1)<<from
	if c.pieces[a.id]&events != 0 {
		c.add(I2, at, "%s: events %d to %d of id %d are there already", where, from, to, a.id)
		return false
	}
	c.pieces[a.id] |= events
	c.events += to - from
	return true
}

func (c *checker) checkOrder(at place, a *attempt, part, count int, acknowledged bool, m *forwardertest.Message, where string) {
	l := &c.users[at.owner*len(c.partitions)+count]
	if c.h.params.User(at.owner) == 0 {
		// One choice for all parts. In a fault some partitions have no leader.
		if part == 0 && m.Partition < slices.Max(c.partitions) && c.spread && !a.troubled {
			c.keyless = append(c.keyless, choice{m.Timestamp, m.Partition})
		}
		return
	}
	o, other := &l.lives[a.life%2], &l.lives[(a.life+1)%2]
	if a.life < o.life {
		return // two lives ago
	}
	if a.life > o.life {
		*o = order{life: a.life}
	}
	if at.n < o.n || at.n == o.n && uint32(part) <= o.part { //nolint:gosec // small
		c.add(I3, at, "%s: number %d part %d of owner %d after number %d part %d", where, at.n, part+1, at.owner, o.n, o.part+1)
	}
	// A call that returned without knowing promises nothing beyond its life.
	began := o.invoke
	if acknowledged {
		began = max(began, other.invoke)
	}
	if a.ret != 0 && a.ret < began {
		c.add(I8, at, "%s: number %d of owner %d had returned before what is in front of it began", where, at.n, at.owner)
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
