package forwarder

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/ctxwait"
)

// A buffer bounds the bytes of everything accepted and not yet decided. Space
// is given in the order in which it was asked for: small batches do not overtake
// a large one that waits.
//
// It does what the weighted semaphore of golang.org/x/sync does, and can be
// closed. That package is not used because the module keeps to three
// dependencies, and closing would still be ours to add.
type buffer struct {
	limit int64

	mu      sync.Mutex
	used    int64
	waiting list.List // of *waiter, first come, first served
	closed  bool

	stuckSince time.Time // while callers wait: when room was given last, or the first of them came
	unmet      int64     // what the last caller needed that left without, until room is given to another, or there is enough
}

// A waiter is a caller that waits for space.
type waiter struct {
	size  int64
	ready chan struct{} // closed when the space is taken for it, or the buffer is closed
	taken bool
}

func newBuffer(limit int64) *buffer { return &buffer{limit: limit} }

// take waits until size bytes are free, ctx ends, or the buffer is closed. A size
// above the limit takes all of it.
func (b *buffer) take(ctx context.Context, size int64) error {
	size = min(size, b.limit)
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return ErrClosed
	}
	if b.waiting.Len() == 0 && b.used+size <= b.limit {
		b.used += size
		b.unmet = 0
		b.mu.Unlock()
		return nil
	}
	w := &waiter{size: size, ready: make(chan struct{})}
	if b.waiting.Len() == 0 {
		b.stuckSince = time.Now()
	}
	e := b.waiting.PushBack(w)
	b.mu.Unlock()

	select {
	case <-w.ready:
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case w.taken: // perhaps in the same instant in which ctx ended: the space is ours
		return nil
	case b.closed:
		return ErrClosed
	default:
		b.waiting.Remove(e)
		b.unmet = size
		b.grantLocked() // those behind may fit where this one did not
		return ctxwait.Err(ctx)
	}
}

// release gives size bytes back.
func (b *buffer) release(size int64) {
	size = min(size, b.limit)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= size
	b.grantLocked()
	if b.used+b.unmet <= b.limit {
		b.unmet = 0
	}
}

func (b *buffer) grantLocked() {
	for e := b.waiting.Front(); e != nil; e = b.waiting.Front() {
		w := e.Value.(*waiter) //nolint:errcheck // the list holds nothing else
		if b.closed || b.used+w.size > b.limit {
			return
		}
		b.used += w.size
		w.taken = true
		b.stuckSince, b.unmet = time.Now(), 0
		close(w.ready)
		b.waiting.Remove(e)
	}
}

// state returns how many bytes are taken, and how many callers wait.
func (b *buffer) state() (used int64, waiting int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used, b.waiting.Len()
}

// fullAfter is how long callers wait, and none is given room, before the buffer counts
// as full: under load, callers that wait their turn are nothing unusual.
const fullAfter = time.Second

// A fullBuffer is a buffer that has no room for what is asked for.
type fullBuffer struct {
	used, needed int64
	waiting      int           // callers
	since        time.Duration // that none of them was given room
}

// full reports whether the buffer has had no room for callers lately: they wait for
// it, or have left, and what the last of those needed is not free yet.
func (b *buffer) full() (fullBuffer, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := fullBuffer{used: b.used, needed: b.unmet, waiting: b.waiting.Len()}
	if s.waiting == 0 {
		return s, b.unmet > 0
	}
	s.since = time.Since(b.stuckSince)
	return s, s.since >= fullAfter
}

// close refuses the callers that wait and those that come later.
func (b *buffer) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.closed = true
	for e := b.waiting.Front(); e != nil; e = e.Next() {
		close(e.Value.(*waiter).ready) //nolint:errcheck // the list holds nothing else
	}
	b.waiting.Init()
}
