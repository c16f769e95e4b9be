package forwardertest

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
)

// A Request is a kind of request to a broker, by Kafka's API key.
type Request int16

// The requests of a producer. Faults take any other API key as well.
const (
	Produce          Request = 0
	Metadata         Request = 3
	SASLHandshake    Request = 17
	APIVersions      Request = 18
	InitProducerID   Request = 22
	SASLAuthenticate Request = 36
)

// UntilStopped is a number of times that ends with [Fault.Stop] only.
const UntilStopped = -1

// A Fault is a fault in force. It ends with [Fault.Stop], and one with a
// number of times also when it has hit as often. Several may be in force at
// once. Its methods may be called from any number of goroutines.
type Fault struct {
	stop   func()
	once   sync.Once
	handle *kfake.FaultHandle // nil: counted here

	mu   sync.Mutex
	hits int
	hit  chan struct{} // closed and replaced with each hit
}

func newFault(stop func()) *Fault { return &Fault{stop: stop, hit: make(chan struct{})} }

// alsoStop has Stop do more.
func (f *Fault) alsoStop(more func()) *Fault {
	stop := f.stop
	f.stop = func() { stop(); more() }
	return f
}

// Stop ends the fault. Calling it again does nothing.
func (f *Fault) Stop() { f.once.Do(f.stop) }

// Hits returns how many answers the fault has changed, or connections it has
// ended or stopped.
func (f *Fault) Hits() int {
	if f.handle != nil {
		return f.handle.Hits()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hits
}

// Wait blocks until the fault has hit n times. It returns the error of ctx
// when that ends first.
func (f *Fault) Wait(ctx context.Context, n int) error {
	if f.handle != nil {
		return f.handle.Wait(ctx, n)
	}
	for {
		f.mu.Lock()
		hits, hit := f.hits, f.hit
		f.mu.Unlock()
		if hits >= n {
			return nil
		}
		select {
		case <-hit:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *Fault) count(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hits += n
	close(f.hit)
	f.hit = make(chan struct{})
}
