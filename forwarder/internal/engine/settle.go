package engine

import (
	"github.com/eventferry/eventferry/forwarder/internal/deliver"
)

// settlements are results that wait to be told: whoever is told may take locks
// of his own, so it is not done under ours.
type settlements struct {
	bundles []settlement
	entries []refusal
}

type settlement struct {
	bundle *bundle
	result deliver.Result // of the first message; the others' offsets follow
}

type refusal struct {
	entry      *entry
	first, end int
	cause      error
}

func (s *settlements) add(b *bundle, r deliver.Result) {
	s.bundles = append(s.bundles, settlement{b, r})
}

// refuse empties a list of entries.
func (s *settlements) refuse(f *fifo, cause error) {
	for t := f.first; t != nil; t = f.first {
		f.remove(t)
		s.entries = append(s.entries, refusal{t, t.next, t.end, cause})
		t.next = t.end
	}
}

// settle tells all results, without the lock, and takes the bundles back.
func (s *settlements) settle(e *Engine) {
	for _, b := range s.bundles {
		r := b.result
		for _, c := range b.bundle.cargo {
			for i := c.from; i < c.to; i++ {
				c.owner.Settle(i, r)
				if r.Offset >= 0 {
					r.Offset++
				}
			}
		}
	}
	for _, t := range s.entries {
		t.entry.refuse(t.first, t.end, t.cause)
	}
	if len(s.bundles) > 0 {
		e.mu.Lock()
		for _, b := range s.bundles {
			e.freeLocked(b.bundle)
		}
		e.mu.Unlock()
	}
}
