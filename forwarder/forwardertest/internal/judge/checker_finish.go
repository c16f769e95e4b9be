package judge

import (
	"fmt"
	"slices"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/trace"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/uniform"
)

// finish is called when the whole log was seen.
func (c *checker) finish() {
	for owner := range c.h.owners {
		attempts := c.h.owners[owner]
		for i := range attempts {
			c.checkPresence(attemptID{owner, uint32(i + 1)}, &attempts[i]) //nolint:gosec // small
		}
	}
	c.checkMoves()
	c.checkRevised()
	c.checkDoubts()
	for _, text := range c.h.contradictions {
		c.add(Contradiction, noAttempt(), "%s", text)
	}
	counts := choices(c.keyless, int(slices.Max(c.partitions)))
	if p := uniform.Chance(counts); p < uniform.Unlikely {
		c.add(WrongPartition, noAttempt(), "choices of a partition without user id: %v, the chance of that is %.2g", counts, p)
	}
}

// checkMoves looks at users who moved because partitions were added: what went
// to the new partition was accepted after all that went to the old one.
func (c *checker) checkMoves() {
	n := len(c.partitions)
	for i := range c.users {
		if i%n == 0 {
			continue
		}
		before, after := c.users[i-1], c.users[i]
		if after.first > 0 && before.newest > after.first {
			owner := i / n / load.Devices % len(c.h.owners)
			c.add(OutOfOrder, attemptID{owner, after.first}, "owner %d: number %d is in its new partition, number %d in its old one", owner, after.first, before.newest)
		}
	}
}

func (c *checker) checkPresence(at attemptID, a *attempt) {
	if a.invoke < c.forgiven {
		return
	}
	for i, m := range c.eachOutcome(at, a) {
		switch bit := min(i, lastBit); {
		case m.Outcome != trace.Acknowledged:
		case a.seen>>bit&1 == 0:
			c.add(Lost, at, "id %d message %d of owner %d number %d is acknowledged and not in the log", a.id, i, at.owner, at.n)
		case a.placed>>bit&1 == 0 && m.Offset >= 0:
			c.add(WrongOffset, at, "id %d message %d of owner %d number %d is not at partition %d offset %d, as reported",
				a.id, i, at.owner, at.n, m.Partition, m.Offset)
		}
	}
	c.checkStored(at, a)
	c.checkDivided(at, a)
	shape := c.h.params.Shape(a.id)
	if c.door && shape == load.Split && !a.several && a.outcome == trace.Acknowledged && c.pieces[a.id] != uint64(1)<<c.h.params.Events(a.id)-1 {
		c.add(Lost, at, "id %d of owner %d number %d was answered 2xx, and not all its events are in the log", a.id, at.owner, at.n)
	}
	if shape == load.TooLarge && a.ret != 0 && a.outcome != trace.NotSent {
		c.add(Contradiction, at, "owner %d number %d is too large, but was reported %s", at.owner, at.n, a.outcome)
	}
}

// checkResources compares the process before and after: Leaked.
func (c *checker) checkResources(v []int64) {
	const kinds = 3
	if len(v) != 2*kinds {
		c.add(Leaked, noAttempt(), "the process did not come to its end")
		return
	}
	// One goroutine of a metrics library stays for good, and the runtime keeps
	// some memory for each goroutine and file there once was.
	const slackGoroutines, slackFiles, slackHeap = 3, 3, 8 << 20
	for i, limit := range []int64{slackGoroutines, slackFiles, slackHeap} {
		if name := []string{"goroutines", "open files", "heap bytes"}[i]; v[kinds+i] > v[i]+v[i]/10+limit {
			c.add(Leaked, noAttempt(), "%d %s before, %d after", v[i], name, v[kinds+i])
		}
	}
}

// verdict says in a line each what was broken.
func (c *checker) verdict() []string {
	var lines []string
	for _, name := range invariants() {
		if n := c.counts[name]; n > 0 {
			lines = append(lines, fmt.Sprintf("%s: %d", name, n))
		}
	}
	return lines
}
