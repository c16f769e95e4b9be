package receiver

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"
)

// rememberedFor is how long a kept batch is remembered.
const rememberedFor = time.Hour

// A sourceID stands for what a sender calls a batch, and contentDigest for its
// bytes.
type (
	sourceID      [sha256.Size]byte
	contentDigest [sha256.Size]byte
)

// idOf returns the id of what has this name, in a feed of a door.
func idOf(door Door, feed string, name []byte) sourceID {
	var room [256]byte
	text := append(append(append(append(room[:0], door...), 0), feed...), 0)
	return sha256.Sum256(append(text, name...))
}

// A seenTable remembers which batches were kept, and knows which are under way.
type seenTable struct {
	mu      sync.Mutex
	limit   int
	claims  map[sourceID]sameIDClaims
	oldest  *claim // of those that are remembered
	newest  *claim
	settled int
}

func newSeenTable(limit int) *seenTable {
	return &seenTable{limit: limit, claims: map[sourceID]sameIDClaims{}}
}

// A claim is the right to forward a batch, and later what became of it. Others
// that have the same batch wait for it.
type claim struct {
	table *seenTable // nil: it has no id
	id    sourceID
	body  contentDigest

	// Guarded by the table, or by the goroutine that makes the claim until it is
	// settled for those that have no table.
	mu     sync.Mutex
	state  claimState
	err    error         // why it was not kept
	unsent []int         // if part of the batch was kept: the positions of the events that were not
	done   chan struct{} // made by the first that waits
	next   *claim        // the one that was settled after this
	at     time.Time     // when it was settled
}

type claimState uint8

const (
	pendingClaim claimState = iota
	keptClaim
	failedClaim
	partlyKeptClaim // the rest of it can be claimed again
)

// claim returns the claim for a batch, and reports whether the caller is to forward
// it: first when there is none, or when the last one failed. sameID reports whether
// there is one with the same id and another body, if this one is new.
func (t *seenTable) claim(id sourceID, body contentDigest, now time.Time) (c *claim, own, sameID bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget(now)
	fresh := &claim{table: t, id: id, body: body}
	c, sameID = t.claims[id].find(body)
	if c != nil {
		c.mu.Lock()
		state, unsent := c.state, c.unsent
		c.mu.Unlock()
		if state != partlyKeptClaim {
			return c, false, false
		}
		t.unlink(c) // it stays in the order of age, where it is skipped
		fresh.unsent = unsent
	}
	t.claims[id] = t.claims[id].with(fresh)
	return fresh, true, sameID
}

// forget drops what is too old or too much.
func (t *seenTable) forget(now time.Time) {
	for c := t.oldest; c != nil && (t.settled > t.limit || now.Sub(c.at) > rememberedFor); c = t.oldest {
		t.oldest = c.next
		if t.oldest == nil {
			t.newest = nil
		}
		t.settled--
		t.unlink(c)
	}
}

// unlink takes a claim out of those of its id.
func (t *seenTable) unlink(c *claim) {
	if rest := t.claims[c.id].without(c); rest == (sameIDClaims{}) {
		delete(t.claims, c.id)
	} else {
		t.claims[c.id] = rest
	}
}

// settle says what became of the batch: nil if it was kept. unsent is given when
// only part of it was, with the positions of the events that were not.
func (c *claim) settle(err error, unsent []int, now time.Time) {
	if t := c.table; t != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		if err != nil && unsent == nil {
			t.unlink(c)
		} else {
			c.at = now
			if t.newest == nil {
				t.oldest = c
			} else {
				t.newest.next = c
			}
			t.newest = c
			t.settled++
			t.forget(now)
		}
	}
	err = withoutBatch(err)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.state = keptClaim
	case unsent != nil:
		c.state, c.err, c.unsent = partlyKeptClaim, err, unsent
	default:
		c.state, c.err = failedClaim, err
	}
	if c.done != nil {
		close(c.done)
	}
}

var errStillUnderWay = errors.New("receiver: the same batch was posted before, and its outcome is not known yet")

// wait returns what became of the batch, once that is known.
func (c *claim) wait(ctx context.Context) error {
	c.mu.Lock()
	if c.state != pendingClaim {
		defer c.mu.Unlock()
		return c.err
	}
	if c.done == nil {
		c.done = make(chan struct{})
	}
	done := c.done
	c.mu.Unlock()
	select {
	case <-done:
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.err
	case <-ctx.Done():
		return errors.Join(errStillUnderWay, ctx.Err())
	}
}

// rest returns the positions of the events that are still to be forwarded, if some
// were before.
func (c *claim) rest() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.unsent
}
