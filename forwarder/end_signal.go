package forwarder

import (
	"context"
	"sync"
)

// An endSignal is given once. It takes a channel only when a caller waits for it:
// those who wait for many, one after the other, find that some were given meanwhile.
// The zero value is ready for use.
type endSignal struct {
	mu      sync.Mutex
	given   bool
	waiting chan struct{} // closed when it is given; nil while no caller waits
}

// give lets all go on that wait, and those that would.
func (e *endSignal) give() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.given = true
	signal(&e.waiting)
}

func (e *endSignal) isGiven() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.given
}

// wait waits until ctx ends, and reports whether the signal is given.
func (e *endSignal) wait(ctx context.Context) bool {
	given := e.channel()
	if given == nil {
		return true
	}
	select {
	case <-given:
		return true
	case <-ctx.Done():
		return false
	}
}

// channel returns what is closed when the signal is given, or nil if it is.
func (e *endSignal) channel() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.given && e.waiting == nil {
		e.waiting = make(chan struct{})
	}
	return e.waiting
}
