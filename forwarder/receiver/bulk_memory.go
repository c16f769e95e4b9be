package receiver

import (
	"crypto/sha256"
	"slices"
	"sync"
	"time"
)

const (
	bulksRememberedFor = 10 * time.Minute
	maxBulks           = 1000 // that are remembered
)

// A bulkMemory knows which batches of the bulk requests that were answered 503 are
// kept or may be.
type bulkMemory struct {
	mu     sync.Mutex
	claims map[contentDigest]bulkClaims
	order  []contentDigest // the oldest first
}

type bulkClaims struct {
	at      time.Time
	byIndex map[int]*claim
}

func newBulkMemory() *bulkMemory { return &bulkMemory{claims: map[contentDigest]bulkClaims{}} }

// An openBulk is the memory of one bulk request that is under way. Nil is that of a
// request that is none.
type openBulk struct {
	memory *bulkMemory
	digest contentDigest
	before map[int]*claim
}

// open returns what is known of a bulk request to this address, and forgets it: if it is kept as a
// whole now, the same body once more would be other batches.
func (m *bulkMemory) open(request sourceID, body []byte, now time.Time) *openBulk {
	h := sha256.New()
	h.Write(request[:])
	h.Write(body)
	o := &openBulk{memory: m, digest: contentDigest(h.Sum(nil))}
	m.mu.Lock()
	defer m.mu.Unlock()
	if known, ok := m.claims[o.digest]; ok {
		if now.Sub(known.at) <= bulksRememberedFor {
			o.before = known.byIndex
		}
		delete(m.claims, o.digest)
		m.order = slices.DeleteFunc(m.order, func(d contentDigest) bool { return d == o.digest })
	}
	return o
}

// claim returns the claim for the batch at an index, and reports whether the caller
// is to forward it.
func (o *openBulk) claim(index int) (c *claim, own bool) {
	if o == nil || o.before[index] == nil {
		return &claim{}, true
	}
	c = o.before[index]
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.state {
	case failedClaim:
		return &claim{}, true
	case partlyKeptClaim:
		return &claim{unsent: c.unsent}, true
	default:
		return c, false
	}
}

// remember keeps the claims of a bulk request that is to come again, by the index of
// their batches.
func (o *openBulk) remember(byIndex map[int]*claim, now time.Time) {
	if len(byIndex) == 0 {
		return
	}
	m := o.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.claims[o.digest]; !ok {
		m.order = append(m.order, o.digest)
	}
	m.claims[o.digest] = bulkClaims{now, byIndex}
	for len(m.order) > maxBulks || now.Sub(m.claims[m.order[0]].at) > bulksRememberedFor {
		delete(m.claims, m.order[0])
		m.order = m.order[1:]
	}
}
