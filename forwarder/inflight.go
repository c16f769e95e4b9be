package forwarder

import (
	"sync"
	"sync/atomic"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// inFlight counts what the end of the forwarder waits for: the messages that are
// accepted and undecided, and the calls that run, in which filters, observers
// and done functions may run. It knows whether the forwarder still accepts.
type inFlight struct {
	mu        sync.Mutex
	undecided int // messages
	decided   decidedMessages
	calls     int
	closed    atomic.Bool   // set under mu, so that no message or call is counted behind it
	onDrained chan struct{} // closed when undecided gets 0; made by those who wait for that
	onIdle    chan struct{} // the same for calls
}

// decidedMessages counts messages by their outcome.
type decidedMessages [producer.Stored + 1]int64

// acceptMessages adds n undecided messages. It reports false, and adds none, if
// the forwarder is closed.
func (f *inFlight) acceptMessages(n int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed.Load() {
		return false
	}
	f.undecided += n
	return true
}

// settleMessages takes n messages off, which all have this outcome.
func (f *inFlight) settleMessages(n int, o producer.Outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.decided[o] += int64(n)
	if f.undecided -= n; f.undecided == 0 {
		signal(&f.onDrained)
	}
}

// decide counts a message of a spool, which is in no count of undecided ones.
func (f *inFlight) decide(o producer.Outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.decided[o]++
}

// close refuses new messages.
func (f *inFlight) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed.Store(true)
}

func (f *inFlight) isClosed() bool { return f.closed.Load() }

// messages is the number of undecided messages.
func (f *inFlight) messages() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.undecided
}

// state returns the number of undecided messages, and how the others ended.
func (f *inFlight) state() (undecided int, decided decidedMessages) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.undecided, f.decided
}

// beginCall counts a call, unless the forwarder is closed: later calls are
// refused, and Close must not wait for callers that go on calling.
func (f *inFlight) beginCall() (counted bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed.Load() {
		return false
	}
	f.calls++
	return true
}

// beginCallback counts a call of a caller's function that a counted call has
// brought about, also when the forwarder is closed.
func (f *inFlight) beginCallback() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
}

// endCall ends what beginCall or beginCallback began. counted is what beginCall
// returned.
func (f *inFlight) endCall(counted bool) {
	if !counted {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calls--; f.calls == 0 {
		signal(&f.onIdle)
	}
}

// drained is closed once no message is undecided. It is for a forwarder that is
// closed already.
func (f *inFlight) drained() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return whenZero(f.undecided, &f.onDrained)
}

// idle is closed once none of the calls that were counted runs.
func (f *inFlight) idle() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return whenZero(f.calls, &f.onIdle)
}

func whenZero(n int, onZero *chan struct{}) <-chan struct{} {
	if *onZero == nil {
		*onZero = make(chan struct{})
	}
	ch := *onZero
	if n == 0 {
		signal(onZero)
	}
	return ch
}

// signal closes the channel, if there is one, and forgets it.
func signal(ch *chan struct{}) {
	if *ch != nil {
		close(*ch)
		*ch = nil
	}
}
