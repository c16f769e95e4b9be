package engine

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// settle waits until everything is.
func (r *modelRun) settle() { r.settleFor(3 * time.Minute) }

func (r *modelRun) settleFor(limit time.Duration) {
	const mostSteps = 100_000
	began := time.Now()
	for step := 0; !r.failed(); step++ {
		if r.next == len(r.ledger.groups) && r.settled() {
			break
		}
		if time.Since(began) > limit || step > mostSteps {
			r.hangs("%s and %d steps after healing", time.Since(began), step)
			return
		}
		switch {
		case r.next < len(r.ledger.groups) && r.rand.IntN(4) == 0:
			r.submit()
		case !r.network():
			r.pass(20 * time.Millisecond)
		}
		r.rest()
	}
	if list := r.producer.Waiting(0); len(list) > 0 && !r.failed() {
		r.ledger.add(invariantWait, "everything is settled, but it says %+v", list)
	}
}

func (r *modelRun) settled() bool {
	r.sim.mu.Lock()
	defer r.sim.mu.Unlock()
	for _, g := range r.ledger.groups {
		for _, m := range g.messages {
			if m.settled == 0 {
				return false
			}
		}
	}
	return true
}

func (r *modelRun) hangs(format string, args ...any) {
	waiting := r.producer.Waiting(0)
	r.sim.mu.Lock()
	defer r.sim.mu.Unlock()
	var open []int
	for _, m := range r.ledger.messages {
		if m.submitted && m.settled == 0 {
			open = append(open, m.id)
		}
	}
	r.ledger.add(invariantProgress, "%s: messages %v are not settled; it says %+v", fmt.Sprintf(format, args...), open, waiting)
}

// late lets everything arrive that still can.
func (r *modelRun) late() {
	for {
		r.sim.mu.Lock()
		moves := r.sim.moves(r.moves[:0])
		r.sim.mu.Unlock()
		moves = slices.DeleteFunc(moves, func(m simMove) bool { return m.step != simLate })
		if len(moves) == 0 {
			break
		}
		r.note("%s", r.sim.move(moves[r.rand.IntN(len(moves))]))
		r.rest()
	}
	r.sim.mu.Lock()
	defer r.sim.mu.Unlock()
	r.ledger.checkAll()
}

// close closes the producer while everything else goes on.
func (r *modelRun) close() {
	const limit = 30 * time.Second // it aborts, and only waits for what it has aborted
	r.note("close")
	r.sim.mu.Lock()
	r.ledger.closing = true
	r.sim.mu.Unlock()
	var closing sync.WaitGroup
	done := make(chan error, 1)
	closing.Go(func() { done <- r.producer.Close() })
	r.rest()
	for began := time.Now(); ; {
		select {
		case err := <-done:
			closing.Wait()
			r.note("closed: %v", err)
			if err != nil {
				r.ledger.add(invariantSettled, "closing fails: %v", err)
			}
			return
		default:
		}
		if time.Since(began) > limit {
			// Nothing can end its goroutines, so the bubble would never end.
			panic(strings.Join(append(r.trace, "Close does not return"), "\n"))
		}
		if r.rand.IntN(4) == 0 || !r.network() {
			r.pass(time.Millisecond)
		}
		r.rest()
	}
}

// closeProducer closes the producer of a process that ends, while the network goes on.
func (r *modelRun) closeProducer(limit time.Duration) {
	var closing sync.WaitGroup
	done := make(chan struct{})
	closing.Go(func() {
		defer close(done)
		_ = r.producer.Close()
	})
	r.rest()
	for began := time.Now(); ; r.rest() {
		select {
		case <-done:
			closing.Wait()
			return
		default:
		}
		if time.Since(began) > limit {
			panic(strings.Join(append(r.trace, "Close does not return"), "\n"))
		}
		if r.rand.IntN(4) == 0 || !r.network() {
			r.pass(time.Millisecond)
		}
	}
}

// end closes the producer, unless that was done, and looks at what it leaves.
func (r *modelRun) end() {
	if !r.ledger.closing {
		r.close()
	}
	if r.failed() {
		return
	}
	r.submit() // it is too late for this
	r.withdraw()
	r.rest()
	r.heal()
	r.late()
	r.sim.mu.Lock()
	defer r.sim.mu.Unlock()
	for _, c := range r.sim.conns {
		if !c.dead {
			r.ledger.add(invariantUse, "%s was never closed", c)
		}
	}
}
