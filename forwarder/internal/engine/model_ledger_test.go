package engine

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/eventferry/eventferry/forwarder/internal/deliver"
)

// The invariants.
const (
	invariant1 = "I1 lost"      // what is acknowledged is in the log, where it was said to be
	invariant2 = "I2 duplicate" // nothing is in the log twice
	invariant3 = "I3 order"     // of a user, nothing overtakes
	invariant4 = "I4 partition" // the key's; of one group all in one; no key stays none
	invariant5 = "I5 content"   // byte for byte
	invariant6 = "I6 not sent"  // what was not sent, or withdrawn, is not in the log
	invariant7 = "I7 settled"   // once each
	invariant8 = "I8 progress"  // after healing all is settled

	invariantStamp  = "timestamp" // within a partition it never decreases
	invariantGaveUp = "gave up"   // only what cannot be written is not
	invariantFlight = "in flight" // one batch of a partition, two requests of a connection
	invariantUse    = "use"       // of connections
	invariantFormat = "format"    // of batches
	invariantWait   = "waiting"   // tells the truth
)

// A modelMessage is one message and what became of it.
type modelMessage struct {
	deliver.Message

	id        int // in the order of acceptance
	user      int // negative: none
	group     *modelGroup
	large     bool // a topic may refuse it for its size
	touched   bool // it was in a batch that was refused for the sake of one of its messages
	submitted bool
	withdrawn bool
	settled   int
	result    deliver.Result
}

// A modelGroup is a group of a ledger.
type modelGroup struct {
	deliver.Group

	ledger    *ledger
	messages  []*modelMessage
	partition int32 // -1: none of it was written yet
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
	changes  []int
	found    []violation
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

// largest is less than any topic's limit, but for messages that are large.
const largest = 80

// fill makes groups of one to five messages until there are n. So many of a
// hundred are refused.
func (l *ledger) fill(r *rand.Rand, n, users, rotten int) {
	for len(l.messages) < n {
		g := &modelGroup{ledger: l, partition: -1}
		user := r.IntN(users+1) - 1
		for range min(1+r.IntN(5), n-len(l.messages)) {
			m := &modelMessage{id: len(l.messages), user: user, group: g}
			value := strconv.Itoa(m.id) + "|"
			size := r.IntN(largest / 2)
			switch chance := r.IntN(200); {
			case chance < rotten:
				value += "poison"
			case chance < 2*rotten:
				m.large, size = true, 3*largest+r.IntN(3*largest)
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

// Settle implements deliver.Settler.
func (g *modelGroup) Settle(i int, r deliver.Result) {
	l := g.ledger
	l.sim.mu.Lock()
	defer l.sim.mu.Unlock()
	l.settle(g.messages[i], r)
	g.takeBack()
}

// takeBack writes something else over the values once all are acknowledged, as
// whoever has lent them may.
func (g *modelGroup) takeBack() {
	for _, m := range g.messages {
		if m.settled == 0 || m.result.Outcome != deliver.Acknowledged {
			return
		}
	}
	for _, lent := range g.Messages {
		copy(lent.Value, bytes.Repeat([]byte("#"), len(lent.Value)))
	}
}

func (l *ledger) settle(m *modelMessage, r deliver.Result) {
	m.settled++
	if m.settled > 1 || m.withdrawn || !m.submitted {
		l.add(invariant7, "message %d is settled as %+v, but was before as %+v (withdrawn %v, submitted %v)", m.id, r, m.result, m.withdrawn, m.submitted)
		return
	}
	m.result = r
	l.decided++
	l.changes = append(l.changes, m.id)
	switch r.Outcome {
	case deliver.Acknowledged:
		if r.Err != nil {
			l.add(invariant7, "message %d is acknowledged with error %v", m.id, r.Err)
		}
		l.checkThere(m)
	case deliver.NotSent:
		l.checkNotThere(m)
	case deliver.Unknown:
	}
	if r.Outcome != deliver.Acknowledged && r.Err == nil {
		l.add(invariant7, "message %d has no error but ended as %v", m.id, r.Outcome)
	}
	if r.Outcome != deliver.Acknowledged && !l.mayFail(m, r) {
		l.add(invariantGaveUp, "message %d: %+v", m.id, r)
	}
}

// mayFail reports whether m need not be written. If an attempt was lost that
// had it together with a message that is refused, nobody can tell what to send
// again.
func (l *ledger) mayFail(m *modelMessage, r deliver.Result) bool {
	rotten := m.large || poisoned(m.Value)
	return l.closing || m.touched && (rotten || r.Outcome == deliver.Unknown)
}

func (l *ledger) touch(b *simBatch) {
	for i := range b.records {
		if m := l.find(&b.records[i]); m != nil {
			m.touched = true
		}
	}
}

// withdraw settles what a producer gave back: the messages from first on.
func (l *ledger) withdraw(g *modelGroup, partition int32, first int) {
	if first < 0 || first > len(g.messages) {
		l.add(invariant7, "%d messages of %d were given back", len(g.messages)-first, len(g.messages))
		return
	}
	if partition >= 0 && g.partition >= 0 && partition != g.partition {
		l.add(invariant4, "a group of partition %d was given back as of %d", g.partition, partition)
	}
	for _, m := range g.messages[first:] {
		if m.settled > 0 && !m.withdrawn {
			l.add(invariant7, "message %d was given back, but settled as %+v", m.id, m.result)
			continue
		}
		if !m.withdrawn {
			m.withdrawn = true
			m.settled++
			m.result = deliver.Result{Outcome: deliver.NotSent, Partition: partition, Offset: -1}
			l.decided++
			l.checkNotThere(m)
		}
	}
}
