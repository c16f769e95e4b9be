package engine

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// The invariants.
const (
	invariantLost      = "lost"      // what is acknowledged is in the log, where it was said to be
	invariantDuplicate = "duplicate" // nothing is in the log twice
	invariantOrder     = "order"     // of a user, nothing overtakes
	invariantPartition = "partition" // the key's; of one group all in one; no key stays none
	invariantContent   = "content"   // byte for byte
	invariantNotSent   = "not sent"  // what was not sent, or withdrawn, is not in the log
	invariantSettled   = "settled"   // once each
	invariantProgress  = "progress"  // after healing all is settled

	invariantStamp  = "timestamp" // within a partition it never decreases
	invariantGaveUp = "gave up"   // only what cannot be written is not
	invariantFlight = "in flight" // one batch of a partition, two requests of a connection
	invariantUse    = "use"       // of connections
	invariantFormat = "format"    // of batches
	invariantWait   = "waiting"   // tells the truth
	invariantWire   = "wire"      // no request takes more there than it may
	invariantIntent = "intent"    // what a journal is told is about the last intent
)

// A modelMessage is one message and what became of it.
type modelMessage struct {
	producer.Message

	id        int // in the order of acceptance
	user      int // negative: none
	group     *modelGroup
	large     bool // a topic may refuse it for its size
	buried    bool // it was in a topic that is no more
	doubtful  bool // the journal was told that it may go out twice
	touched   bool // it was in a record batch that was refused for the sake of one of its messages, or given up
	cuts      int  // connections that were lost with its record batch alone in a request
	shown     bool // the log was seen to have it, in this life of the process
	submitted bool
	withdrawn bool
	settled   int
	result    producer.Result
}

// A modelGroup is a group of a ledger.
type modelGroup struct {
	producer.Group

	ledger    *ledger
	messages  []*modelMessage
	partition int32 // -1: none of it was written yet
	fixed     int32 // with a journal: the partition of its key, plus one
}

// A ledger has all messages of a run, and checks what it sees of them against
// what it was told.
type ledger struct {
	sim      *simCluster // whose lock is that of the ledger, too
	messages []*modelMessage
	groups   []*modelGroup
	logs     []ledgerLog // by partition
	least    int         // partitions that there were at first
	decided  int
	closing  bool

	replaced  bool // the topic was: users may have moved, with what is older behind what is newer
	refusable bool // messages may fail that were in a record batch that was refused, whatever the reason

	changes []int
	found   []violation
}

// A ledgerLog is what is in a partition's log.
type ledgerLog struct {
	offsets map[int]int64 // by message
	newest  map[int]int   // message by user
}

// A violation is a broken invariant.
type violation struct{ invariant, text string }

func newLedger(s *simCluster) *ledger {
	l := &ledger{sim: s, least: len(s.partitions)}
	for range s.partitions {
		l.grow()
	}
	s.broken, s.appended, s.shorter, s.refused = l.add, l.see, l.seeAgain, l.touch
	s.cut, s.shown = l.noteCut, l.noteShown
	return l
}

func (l *ledger) grow() { l.logs = append(l.logs, ledgerLog{map[int]int64{}, map[int]int{}}) }

const mostTold = 20 // violations of one run

func (l *ledger) add(invariant, format string, args ...any) {
	if len(l.found) == mostTold {
		return
	}
	l.found = append(l.found, violation{invariant, fmt.Sprintf(format, args...)})
}

// largestOrdinary is less than any topic's limit, but for messages that are large.
const largestOrdinary = 80

// fill makes groups of one to five messages until there are n. So many of a
// hundred are refused.
func (l *ledger) fill(r *rand.Rand, n, users, rotten int) {
	for len(l.messages) < n {
		g := &modelGroup{ledger: l, partition: -1}
		user := r.IntN(users+1) - 1
		for range min(1+r.IntN(5), n-len(l.messages)) {
			m := &modelMessage{id: len(l.messages), user: user, group: g}
			value := strconv.Itoa(m.id) + "|"
			size := r.IntN(largestOrdinary / 2)
			switch chance := r.IntN(200); {
			case chance < rotten:
				value += "poison"
			case chance < 2*rotten:
				m.large, size = true, 3*largestOrdinary+r.IntN(3*largestOrdinary)
			}
			m.Value = []byte(value + strings.Repeat(string(rune('a'+m.id%26)), size))
			if user >= 0 {
				m.Key = modelKey(user)
			}
			if r.IntN(20) == 0 {
				m.Part = "1/2"
			}
			lent := m.Message
			lent.Value = bytes.Clone(m.Value)
			g.Messages = append(g.Messages, lent)
			g.messages = append(g.messages, m)
			l.messages = append(l.messages, m)
		}
		g.Owner = g
		l.groups = append(l.groups, g)
	}
}

func modelKey(user int) []byte { return []byte("user-" + strconv.Itoa(user)) }

// Settle implements producer.Settler.
func (g *modelGroup) Settle(i int, r producer.Result) {
	l := g.ledger
	l.sim.mu.Lock()
	defer l.sim.mu.Unlock()
	l.settle(g.messages[i], r)
	g.takeBack()
}

// takeBack writes something else over the values once all are acknowledged, as
// the caller that has lent them may.
func (g *modelGroup) takeBack() {
	for _, m := range g.messages {
		if m.settled == 0 || m.result.Outcome != producer.Acknowledged {
			return
		}
	}
	for _, lent := range g.Messages {
		copy(lent.Value, bytes.Repeat([]byte("#"), len(lent.Value)))
	}
}

func (l *ledger) settle(m *modelMessage, r producer.Result) {
	m.settled++
	if m.settled > 1 || m.withdrawn || !m.submitted {
		l.add(invariantSettled, "message %d is settled as %+v, but was before as %+v (withdrawn %v, submitted %v)", m.id, r, m.result, m.withdrawn, m.submitted)
		return
	}
	m.result = r
	l.decided++
	l.changes = append(l.changes, m.id)
	switch r.Outcome {
	case producer.Acknowledged:
		if r.Err != nil {
			l.add(invariantSettled, "message %d is acknowledged with error %v", m.id, r.Err)
		}
		l.checkThere(m)
	case producer.NotSent:
		l.checkNotThere(m)
	case producer.Unknown:
	}
	if r.Outcome != producer.Acknowledged && r.Err == nil {
		l.add(invariantSettled, "message %d has no error but ended as %v", m.id, r.Outcome)
	}
	if r.Outcome != producer.Acknowledged && !l.mayFail(m, r) {
		l.add(invariantGaveUp, "message %d: %+v", m.id, r)
	}
}

// mayFail reports whether m need not be written. If an attempt was lost that
// had it together with a message that is refused, it is not known what to send
// again.
func (l *ledger) mayFail(m *modelMessage, r producer.Result) bool {
	if m.shown && !l.closing {
		return false
	}
	rotten := m.large || poisoned(m.Value)
	if errors.Is(r.Err, errTopicReplaced) && r.Outcome == producer.Unknown {
		return true
	}
	return l.closing || m.touched && l.refusable || m.touched && (rotten || r.Outcome == producer.Unknown)
}

func (l *ledger) touch(b *simBatch) {
	for i := range b.records {
		if m := l.find(&b.records[i]); m != nil {
			m.touched = true
		}
	}
}

func (l *ledger) noteShown(b *simBatch) {
	for i := range b.records {
		if m := l.find(&b.records[i]); m != nil {
			m.shown = true
		}
	}
}

// noteCut notes that the connection was lost with b alone in a request. After the
// second time it may be split although it may have been written.
func (l *ledger) noteCut(b *simBatch) {
	for i := range b.records {
		if m := l.find(&b.records[i]); m != nil {
			m.cuts++
			m.touched = m.touched || m.cuts >= splitAfterClosed
		}
	}
}

// withdraw settles what a producer gave back: the messages from first on.
func (l *ledger) withdraw(g *modelGroup, partition int32, first int) {
	if first < 0 || first > len(g.messages) {
		l.add(invariantSettled, "%d messages of %d were given back", len(g.messages)-first, len(g.messages))
		return
	}
	if partition >= 0 && g.partition >= 0 && partition != g.partition {
		l.add(invariantPartition, "a group of partition %d was given back as of %d", g.partition, partition)
	}
	for _, m := range g.messages[first:] {
		if m.settled > 0 && !m.withdrawn {
			l.add(invariantSettled, "message %d was given back, but settled as %+v", m.id, m.result)
			continue
		}
		if !m.withdrawn {
			m.withdrawn = true
			m.settled++
			m.result = producer.Result{Outcome: producer.NotSent, Partition: partition, Offset: -1}
			l.decided++
			l.checkNotThere(m)
		}
	}
}
