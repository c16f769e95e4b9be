package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// crash ends the process, one time in four in order, and starts another.
func (r *journalRun) crash() {
	r.crashes--
	orderly := r.rand.IntN(4) == 0
	r.sim.mu.Lock()
	r.deaf = true
	if orderly {
		r.note("close and start again")
	} else {
		r.note("crash: %s", r.journal.crash(r.rand))
		r.mortal.die()
	}
	r.sim.mu.Unlock()
	r.closeProducer(30 * time.Second)
	if orderly {
		r.sim.mu.Lock()
		r.note("%s", r.journal.sync())
		r.journal.life++
		r.sim.mu.Unlock()
	}
	r.start()
}

// stop ends the run.
func (r *journalRun) stop() {
	r.close()
	r.sim.mu.Lock()
	r.journal.life++
	r.journal.release(errSimCrashed)
	r.sim.mu.Unlock()
	r.pass(time.Second)
	r.sim.mu.Lock()
	defer r.sim.mu.Unlock()
	for _, c := range r.sim.conns {
		if !c.dead {
			r.ledger.add(invariantUse, "%s was never closed", c)
		}
	}
}

// A mortalNetwork is that of a process which may die.
type mortalNetwork struct {
	brokerNetwork

	sim   *simCluster // whose lock guards the rest
	conns []*simConn
	dead  bool
}

// die ends everything. What was sent may arrive.
func (n *mortalNetwork) die() {
	n.dead = true
	for _, c := range n.conns {
		c.dieLocked(errSimReset)
	}
}

func (n *mortalNetwork) connect(ctx context.Context, addr string) (brokerConn, error) {
	c, err := n.brokerNetwork.connect(ctx, addr)
	if err != nil {
		return nil, err
	}
	n.sim.mu.Lock()
	defer n.sim.mu.Unlock()
	one := c.(*simConn) //nolint:errcheck,forcetypeassert // the sim's
	n.conns = append(n.conns, one)
	if n.dead {
		one.dieLocked(errSimReset)
	}
	return c, nil
}

// heal repairs everything, the journal, too.
func (r *journalRun) heal() {
	r.sim.mu.Lock()
	r.journal.refuses, r.journal.doomed = 0, 0
	r.catchUp()
	r.sim.mu.Unlock()
	r.modelRun.heal()
}

// faultJournal makes the journal fail: it does not take what comes next, or fails those
// who wait. What they wait for may be safe all the same.
func (r *journalRun) faultJournal(*modelRun) string {
	j := r.journal
	switch n := len(j.waiting); {
	case r.rand.IntN(4) == 0:
		j.refuses = 1 + r.rand.IntN(3)
		return fmt.Sprintf("the journal will not take %d intents", j.refuses)
	case n == 0 || r.rand.IntN(2) == 0:
		j.doomed = 1 + r.rand.IntN(3)
		return fmt.Sprintf("the journal will fail %d times when all is safe", j.doomed)
	default:
		j.release(errSimDisk)
		return fmt.Sprintf("the journal fails %d times", n)
	}
}

// lag makes some brokers tell of the topic that was replaced, and some take no
// connections, so that others are asked. What the journal has failed to make safe then goes elsewhere.
func (r *journalRun) lag() (text string) {
	if !r.lags || len(r.former.leaders) == 0 {
		return ""
	}
	for _, b := range r.sim.brokers {
		b.refuses = b.refuses || r.rand.IntN(2) == 0
		if r.rand.IntN(4) > 0 {
			b.known, r.lagging = r.former, true
			text += fmt.Sprintf("; broker %d tells of the former topic", b.id)
		}
	}
	return text
}

// catchUp ends the lag.
func (r *journalRun) catchUp() {
	r.lagging = false
	r.sim.spread()
}

// faultReplace deletes the topic and creates it again. What was in it is gone.
func (r *journalRun) faultReplace(*modelRun) string {
	s, l := r.sim, r.ledger
	if s.topic > 1 {
		return ""
	}
	r.former = r.someBroker().known
	s.topic++
	n := 1 + r.rand.IntN(4)
	for i := range max(n, len(s.partitions)) {
		if i == len(l.logs) {
			l.grow()
		}
		for id := range l.logs[i].offsets {
			l.messages[id].buried = true
		}
		l.logs[i] = ledgerLog{map[int]int64{}, map[int]int{}}
	}
	for _, m := range l.messages {
		m.buried = m.buried || m.settled > 0 && m.result.Outcome == producer.Acknowledged
	}
	l.replaced = true
	for _, c := range s.conns {
		c.late = nil // it could be written to the new topic, whatever became of it in the old one
	}
	s.partitions = nil
	for i := range n {
		s.partitions = append(s.partitions, &simPartition{id: int32(i), leader: r.living(), epoch: 100 * int32(s.topic)}) //nolint:gosec // few
	}
	for _, b := range s.brokers {
		if r.rand.IntN(2) == 0 {
			s.tell(b)
		}
	}
	return fmt.Sprintf("the topic is replaced by one with %d partitions", n)
}

func faultTimestamp(r *modelRun) string {
	p := r.somePartition()
	for range 1 + r.rand.IntN(3) {
		p.before = append(p.before, sarama.ErrInvalidTimestamp)
	}
	return fmt.Sprintf("partition %d will not write, with errors %d", p.id, p.before)
}
