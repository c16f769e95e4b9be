package contender

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/work"
)

// A load is what callers do until stop is closed.
type load struct {
	contender contender
	stop      chan struct{}
	measuring atomic.Bool
	sent      atomic.Int64 // acknowledged

	times [][]time.Duration // by caller, of groups acknowledged while measuring
	mu    sync.Mutex
	err   error
	fail  chan struct{}
}

// call is one caller that waits for each group.
func (l *load) call(caller int, mine []*work.Item, group int) {
	var times []time.Duration
	defer func() { l.times[caller] = times }()
	for at := 0; !l.over(); at = (at + group) % len(mine) {
		items := mine[at : at+group]
		for _, i := range items {
			i.Next()
		}
		began := time.Now()
		if err := l.contender.wait(items); err != nil {
			l.broke(err)
			return
		}
		l.sent.Add(int64(group))
		if l.measuring.Load() {
			times = append(times, time.Since(began))
		}
	}
}

// pipeline is one caller that never waits while there is an item to send.
func (l *load) pipeline(items []*work.Item) {
	free := make(chan *work.Item, len(items))
	for _, i := range items {
		free <- i
	}
	l.times = [][]time.Duration{nil}
	var times sync.Mutex // acknowledgements come from several goroutines
	for !l.over() {
		var i *work.Item
		select {
		case i = <-free:
		case <-l.broken():
			return
		}
		i.Next()
		began := time.Now()
		l.contender.start(i, func(err error) {
			if err != nil {
				l.broke(err)
				return
			}
			l.sent.Add(1)
			if l.measuring.Load() {
				took := time.Since(began)
				times.Lock()
				l.times[0] = append(l.times[0], took)
				times.Unlock()
			}
			free <- i
		})
	}
	for range items { // all that are out
		select {
		case <-free:
		case <-l.broken():
			return
		}
	}
}

func (l *load) over() bool {
	select {
	case <-l.stop:
		return true
	default:
		return false
	}
}

func (l *load) broke(err error) {
	failed := l.broken()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
		close(failed)
	}
}

// broken is closed when a message could not be sent.
func (l *load) broken() chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail == nil {
		l.fail = make(chan struct{})
	}
	return l.fail
}

func (l *load) failed() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// sorted are the times of all callers.
func (l *load) sorted() []time.Duration {
	all := slices.Concat(l.times...)
	slices.Sort(all)
	return all
}
