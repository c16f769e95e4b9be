package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"
)

const (
	refreshEvery   = 5 * time.Minute // so that new partitions are seen; Java's metadata.max.age.ms
	leaderlessAge  = 5 * time.Second // how old news of a missing leader may get
	firstRefresh   = 100 * time.Millisecond
	longestRefresh = time.Second
)

// A directory learns where the topic's partitions are, on a connection and a
// goroutine of its own: nothing that is sent waits for it, save what has no
// leader to go to.
type directory struct {
	engine  *Engine
	inquiry inquiry
	kick    chan struct{}

	look chan struct{}

	// Under the engine's lock:

	watching bool
	failure  error // of the last attempt
}

func newDirectory(e *Engine, servers []string) *directory {
	return &directory{
		engine:  e,
		inquiry: inquiry{engine: e, servers: servers, chance: e.chance(chanceDirectory)},
		kick:    make(chan struct{}, 1),
		look:    make(chan struct{}, 1),
	}
}

// wantLocked asks for news.
func (d *directory) wantLocked() {
	select {
	case d.kick <- struct{}{}:
	default: // it has been told already
	}
}

// run asks at once when somebody wants to know, but never twice within a pause
// that grows while the answers do not help.
func (d *directory) run() {
	defer d.inquiry.end()
	e := d.engine
	pause := firstRefresh
	for {
		complete := d.refresh()
		if e.ctx.Err() != nil {
			return
		}
		e.placeWaiting()
		if complete {
			pause = firstRefresh
		}
		if !e.sleep(pause) {
			return
		}
		if !complete {
			pause = min(2*pause, longestRefresh)
		}
		if !d.rest(complete) {
			return
		}
	}
}

// rest waits until news is due or wanted.
func (d *directory) rest(complete bool) bool {
	every := refreshEvery
	if !complete {
		every = leaderlessAge
	}
	due := time.NewTimer(every)
	defer due.Stop()
	watch := time.NewTicker(watchEvery)
	defer watch.Stop()
	for {
		ticks := watch.C
		if !d.isWatching() {
			ticks = nil
		}
		select {
		case <-d.kick:
			return true
		case <-due.C:
			return true
		case <-ticks:
			if d.stalled() {
				return true
			}
		case <-d.look: // from now on, ticks
		case <-d.engine.ctx.Done():
			return false
		}
	}
}

// refresh asks once. It reports whether every partition has a leader.
func (d *directory) refresh() bool {
	e := d.engine
	select {
	case <-d.kick: // what was wanted before comes with this answer
	default:
	}
	v, err := put(&d.inquiry, conn.metadata)
	now := time.Now()
	complete := false
	var stuck []conn
	var done settlements
	e.mu.Lock()
	if d.failure = err; err == nil {
		complete = e.applyLocked(v, &done, now)
		stuck = e.stuckLocked(now)
	}
	if e.needyLocked(err) {
		d.wantLocked()
	}
	e.mu.Unlock()
	done.settle(e)
	for _, c := range stuck {
		c.abort()
	}
	return complete
}

// applyLocked takes over what a broker says of the topic. It reports whether
// every partition has a leader.
func (e *Engine) applyLocked(v view, done *settlements, now time.Time) bool {
	e.brokers = v.brokers
	e.extendLocked(v, done)
	complete := true
	for i, q := range e.queues {
		id := noLeader
		if i < len(v.leaders) {
			id = v.leaders[i]
		}
		if now.Sub(q.limited) >= refreshEvery {
			q.limit = 0 // the topic's may have changed
		}
		if q.partition >= e.partitions.Load() { // of a topic that was made anew with fewer
			e.moveLocked(q, nil, now)
			continue
		}
		if _, known := v.brokers[id]; !known {
			complete = false
			e.moveLocked(q, nil, now)
			continue
		}
		e.moveLocked(q, e.leaderLocked(id), now)
	}
	return complete
}

// extendLocked makes queues for new partitions. A topic never has fewer than
// before, so a broker that says so lags behind, unless the topic was made anew:
// then what waits for partitions that it does not have any more ends.
func (e *Engine) extendLocked(v view, done *settlements) {
	for i := len(e.queues); i < len(v.leaders); i++ {
		e.queues = append(e.queues, newQueue(e, int32(i))) //nolint:gosec // a number of partitions
	}
	count := int32(len(v.leaders)) //nolint:gosec // a number of partitions
	var untold [16]byte
	anew := e.topicID != untold && v.topicID != untold && v.topicID != e.topicID
	if count > e.partitions.Load() || anew {
		e.partitions.Store(count)
	}
	if v.topicID != untold {
		e.topicID = v.topicID
	}
	for _, q := range e.queues[e.partitions.Load():] {
		if !q.flying {
			e.endLocked(q, fmt.Errorf("partition %d is no more, the topic was made anew: %w", q.partition, sarama.ErrInvalidPartition), done)
		}
	}
}

// needyLocked reports whether messages wait for better news than there is.
func (e *Engine) needyLocked(failure error) bool {
	if !e.unplaced.empty() && failure != nil {
		return true
	}
	return slices.ContainsFunc(e.queues, func(q *queue) bool { return q.undecided() && (q.leader == nil || failure != nil) })
}

// missingLocked is why q has no leader.
func (d *directory) missingLocked(q *queue) error {
	switch {
	case d.failure != nil:
		return d.failure
	case q.partition >= d.engine.partitions.Load():
		return fmt.Errorf("partition %d: %w", q.partition, sarama.ErrUnknownTopicOrPartition)
	default:
		return fmt.Errorf("partition %d: %w", q.partition, sarama.ErrLeaderNotAvailable)
	}
}
