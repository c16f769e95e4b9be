package engine

import (
	"context"
	"sync"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/ctxwait"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

const (
	incompleteMetadataMaxAge = 5 * time.Second // while a partition has no leader
	firstMetadataBackoff     = 100 * time.Millisecond
	maxMetadataBackoff       = time.Second

	// metadataHelpsFor is the time without another request after which an answer
	// is taken to have helped.
	metadataHelpsFor = 3 * time.Second
)

// A metadataUpdater learns the leaders of the topic's partitions, on a connection
// and a goroutine of its own: no message waits for it unless its partition has no
// leader.
type metadataUpdater struct {
	engine     *Engine
	brokers    *anyBroker
	requested  chan struct{}
	watchBegun chan struct{}

	// Guarded by the engine's lock:

	watching bool
	failure  error // of the last attempt
}

func newMetadataUpdater(e *Engine, brokers *anyBroker) *metadataUpdater {
	return &metadataUpdater{
		engine:     e,
		brokers:    brokers,
		requested:  make(chan struct{}, 1),
		watchBegun: make(chan struct{}, 1),
	}
}

// requestLocked asks for an update.
func (u *metadataUpdater) requestLocked() {
	select {
	case u.requested <- struct{}{}:
	default: // it is requested already
	}
}

// run updates as soon as that is requested, but never twice within a back-off
// that grows while the answers do not help.
func (u *metadataUpdater) run() {
	defer u.brokers.close()
	e := u.engine
	wait := firstMetadataBackoff
	helped := true // the last answer
	for {
		complete := u.update()
		if e.ctx.Err() != nil {
			return
		}
		e.placeUnplaced()
		if complete && helped {
			wait = firstMetadataBackoff
		}
		answered := time.Now()
		if !ctxwait.Sleep(e.ctx, wait) {
			return
		}
		if !complete || !helped {
			wait = min(2*wait, maxMetadataBackoff)
		}
		if !u.waitUntilDue(complete) {
			return
		}
		// Requested again so soon: the broker that answered may not know better.
		if helped = time.Since(answered) >= metadataHelpsFor; !helped {
			u.brokers.askOthers()
		}
	}
}

// waitUntilDue waits until an update is due or requested. It reports false when
// the engine was closed.
func (u *metadataUpdater) waitUntilDue(complete bool) bool {
	age := producer.MetadataMaxAge
	if !complete {
		age = incompleteMetadataMaxAge
	}
	due := time.NewTimer(age)
	defer due.Stop()
	watch := time.NewTicker(watchEvery)
	defer watch.Stop()
	for {
		ticks := watch.C
		if !u.isWatching() {
			ticks = nil
		}
		select {
		case <-u.requested:
			return true
		case <-due.C:
			if complete {
				u.renewConnection()
			}
			return true
		case <-ticks:
			if u.stalled() {
				return true
			}
		case <-u.watchBegun: // from now on, ticks
		case <-u.engine.ctx.Done():
			return false
		}
	}
}

// renewConnection renews the connection if it has become old, unless an update is
// requested meanwhile: that cannot wait.
func (u *metadataUpdater) renewConnection() {
	e := u.engine
	ctx, cancel := context.WithCancel(e.ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-u.requested: // the update that follows serves it
			cancel()
		case <-ctx.Done():
		}
	})
	addr := u.brokers.addr
	err := u.brokers.renewIfDue(ctx)
	cancel()
	watching.Wait()
	if err != nil {
		e.running.Go(func() { e.renewalRefused(addr, err) })
	}
}

// update asks once. It reports whether every partition has a leader.
func (u *metadataUpdater) update() bool {
	e := u.engine
	select {
	case <-u.requested: // this answer serves earlier requests, too
	default:
	}
	m, err := askAny(u.brokers, func(c brokerConn) (topicMetadata, error) {
		m, err := c.metadata()
		if err == nil {
			err = e.checkMetadata(m)
		}
		return m, err
	})
	now := time.Now()
	complete := false
	var stalled []brokerConn
	var done settlements
	e.mu.Lock()
	e.observeMetadataRoundLocked(err, now)
	if u.failure = err; err == nil {
		complete = e.applyMetadataLocked(m, &done, now)
		stalled = e.stalledOnOldLeaderLocked(now)
	}
	if e.needsMetadataLocked(err) {
		u.requestLocked()
	}
	e.mu.Unlock()
	e.settle(&done)
	for _, c := range stalled {
		c.abort()
	}
	return complete
}
