package engine

import (
	"slices"
	"time"
)

const (
	// stallAfter is when a request, or an attempt to connect, takes so long that
	// its partitions may well have other leaders by now. Whoever sends may hang
	// in it, so the directory watches.
	stallAfter = 2 * time.Second
	watchEvery = time.Second
)

// watchLocked makes the directory look after what has just begun.
func (d *directory) watchLocked() {
	if d.watching {
		return
	}
	d.watching = true
	select {
	case d.look <- struct{}{}:
	default: // it has been told already
	}
}

func (d *directory) isWatching() bool {
	d.engine.mu.Lock()
	defer d.engine.mu.Unlock()
	return d.watching
}

// stalled reports whether anything takes too long. It ends the watch when
// nothing is under way.
func (d *directory) stalled() bool {
	now := time.Now()
	d.engine.mu.Lock()
	defer d.engine.mu.Unlock()
	d.watching = false
	for _, l := range d.engine.leaders {
		if since := l.busyLocked(); !since.IsZero() {
			d.watching = true
			if now.Sub(since) >= stallAfter {
				return true
			}
		}
	}
	return false
}

// busyLocked is since when l waits for its broker; zero: it does not.
func (l *leader) busyLocked() time.Time {
	if len(l.air) > 0 {
		return l.air[0].sent
	}
	return l.opening
}

// stuckLocked lists the connections on which a request hangs whose partitions
// have other leaders now. Should it have been written, those know.
func (e *Engine) stuckLocked(now time.Time) []conn {
	var list []conn
	for _, l := range e.leaders {
		if len(l.air) == 0 || now.Sub(l.air[0].sent) < stallAfter {
			continue
		}
		if slices.ContainsFunc(l.air[0].bundles, func(b *bundle) bool { return b.queue.leader != nil && b.queue.leader != l }) {
			list = append(list, l.air[0].conn)
		}
	}
	return list
}
