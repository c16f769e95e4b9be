package engine

import (
	"slices"
	"time"
)

const (
	// stalledAfter is when a request, or an attempt to connect, has taken so long
	// that its partitions may have other leaders. The worker may be blocked in
	// it, so the metadata updater watches.
	stalledAfter = 2 * time.Second
	watchEvery   = time.Second
)

// watchLocked makes the metadata updater watch the request that has just begun.
func (u *metadataUpdater) watchLocked() {
	if u.watching {
		return
	}
	u.watching = true
	select {
	case u.watchBegun <- struct{}{}:
	default: // it has been told already
	}
}

func (u *metadataUpdater) isWatching() bool {
	u.engine.mu.Lock()
	defer u.engine.mu.Unlock()
	return u.watching
}

// stalled reports whether anything takes too long. It ends the watch when no
// request is in flight.
func (u *metadataUpdater) stalled() bool {
	now := time.Now()
	u.engine.mu.Lock()
	defer u.engine.mu.Unlock()
	u.watching = false
	for _, w := range u.engine.workers {
		if since := w.waitingForBrokerLocked(); !since.IsZero() {
			u.watching = true
			if now.Sub(since) >= stalledAfter {
				return true
			}
		}
	}
	return false
}

// stalledOnOldLeaderLocked returns the connections on which a request stalls whose
// partitions have other leaders now. If it was written, those know.
func (e *Engine) stalledOnOldLeaderLocked(now time.Time) []brokerConn {
	var list []brokerConn
	for _, w := range e.workers {
		if w.inFlight.oldestFor(now) < stalledAfter {
			continue
		}
		hasMoved := func(b *recordBatch) bool {
			_, p := e.partitionOf(b)
			return p.leader != nil && p.leader != w
		}
		if slices.ContainsFunc(w.inFlight[0].recordBatches, hasMoved) {
			list = append(list, w.inFlight[0].conn)
		}
	}
	return list
}
