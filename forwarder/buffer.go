package forwarder

import (
	"container/list"
	"context"
	"sync"
)

// A buffer bounds the bytes of everything accepted and not yet decided. Space
// is given in the order in which it was asked for: a large batch that waits
// is not overtaken by small ones.
type buffer struct {
	limit int64

	mu      sync.Mutex
	used    int64
	waiting list.List // of *place, first come first
	closed  bool
}

// A place is one caller's turn in the queue for space.
type place struct {
	size  int64
	ready chan struct{} // closed when the space is taken for it, or the buffer is closed
	taken bool
}

func newBuffer(limit int64) *buffer { return &buffer{limit: limit} }

// take waits until size bytes are free, ctx ends, or the buffer is closed. The
// caller has made sure that size is within the limit.
func (b *buffer) take(ctx context.Context, size int64) error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return ErrClosed
	}
	if b.waiting.Len() == 0 && b.used+size <= b.limit {
		b.used += size
		b.mu.Unlock()
		return nil
	}
	p := &place{size: size, ready: make(chan struct{})}
	e := b.waiting.PushBack(p)
	b.mu.Unlock()

	select {
	case <-p.ready:
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case p.taken: // perhaps in the same instant in which ctx ended: the space is ours
		return nil
	case b.closed:
		return ErrClosed
	default:
		b.waiting.Remove(e)
		b.grantLocked() // those behind may fit where this one did not
		return ended(ctx)
	}
}

// release gives size bytes back.
func (b *buffer) release(size int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= size
	b.grantLocked()
}

func (b *buffer) grantLocked() {
	for e := b.waiting.Front(); e != nil; e = b.waiting.Front() {
		p := e.Value.(*place) //nolint:errcheck // the list holds nothing else
		if b.closed || b.used+p.size > b.limit {
			return
		}
		b.used += p.size
		p.taken = true
		close(p.ready)
		b.waiting.Remove(e)
	}
}

// close refuses whoever waits and whoever comes later.
func (b *buffer) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.closed = true
	for e := b.waiting.Front(); e != nil; e = e.Next() {
		close(e.Value.(*place).ready) //nolint:errcheck // the list holds nothing else
	}
	b.waiting.Init()
}
