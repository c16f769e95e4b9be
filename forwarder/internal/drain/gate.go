package drain

import (
	"sync"

	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// A Gate keeps the intents of an engine that is closed out of its store, which another
// forwarder may have by then: the engine's Close does not wait for the goroutine that
// records one. A nil Gate is always open.
type Gate struct {
	mu     sync.RWMutex
	closed bool
}

// Close returns when no intent is being recorded any more. Who waits until one is durable
// may go on to do so.
func (g *Gate) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}

// record records intents, unless g is closed.
func (g *Gate) record(store *spoolstore.Store, list []spoolstore.Intent) (upTo uint64, err error) {
	if g != nil {
		g.mu.RLock()
		defer g.mu.RUnlock()
		if g.closed {
			return 0, spoolstore.ErrClosed
		}
	}
	return store.RecordIntents(list)
}
