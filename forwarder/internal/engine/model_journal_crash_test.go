package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
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
	var closing sync.WaitGroup
	done := make(chan struct{})
	closing.Go(func() {
		defer close(done)
		_ = r.producer.Close()
	})
	r.modelRun.rest()
	for began := time.Now(); ; r.modelRun.rest() {
		select {
		case <-done:
			closing.Wait()
			r.sim.mu.Lock()
			if orderly {
				r.note("%s", r.journal.sync())
				r.journal.life++
			}
			r.sim.mu.Unlock()
			r.start()
			return
		default:
		}
		if time.Since(began) > 30*time.Second {
			panic(strings.Join(append(r.trace, "Close does not return"), "\n"))
		}
		if r.rand.IntN(4) == 0 || !r.network() {
			r.pass(time.Millisecond)
		}
	}
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

// faultJournal makes the journal fail the callers that wait for it. What it has may be safe
// or not.
func (r *journalRun) faultJournal(*modelRun) string {
	n := len(r.journal.waiting)
	if n == 0 {
		return ""
	}
	r.journal.release(errSimDisk)
	return fmt.Sprintf("the journal fails %d times", n)
}

var errSimDisk = errors.New("sim: the disk fails")

// faultReplace deletes the topic and creates it again. What was in it is gone.
func (r *journalRun) faultReplace(*modelRun) string {
	s, l := r.sim, r.ledger
	if s.topic > 1 {
		return ""
	}
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
