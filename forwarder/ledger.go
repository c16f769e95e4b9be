package forwarder

import "sync"

// A ledger counts the messages that are accepted and undecided, and what the end
// of the forwarder waits for beside them: calls that are not over, in which filters
// and observers may run, and functions of callers that are still to be called. It
// knows whether the forwarder still accepts.
type ledger struct {
	mu        sync.Mutex
	undecided int
	promised  int
	closed    bool
	empty     chan struct{} // made by whoever waits for undecided to be 0
	quiet     chan struct{} // the same for promised
}

// open adds n messages, unless the forwarder is closed.
func (l *ledger) open(n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.undecided += n
	return true
}

// settle takes n messages off.
func (l *ledger) settle(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.undecided -= n; l.undecided == 0 {
		fire(&l.empty)
	}
}

// close refuses new messages.
func (l *ledger) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
}

func (l *ledger) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.undecided
}

// enter counts a call, unless the forwarder is closed: that one is refused, and who
// ends the forwarder must not wait for callers that go on calling.
func (l *ledger) enter() (counted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.promised++
	}
	return !l.closed
}

// leave says that a call is over. counted is what enter returned.
func (l *ledger) leave(counted bool) {
	if counted {
		l.kept()
	}
}

// promise announces a call of a caller's function; kept says that it is over.
func (l *ledger) promise() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.promised++
}

func (l *ledger) kept() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.promised--; l.promised == 0 {
		fire(&l.quiet)
	}
}

// drained is closed once nothing is undecided. The ledger is closed already.
func (l *ledger) drained() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return awaitZero(l.undecided, &l.empty)
}

// silent is closed once no call and no function is left of those that were counted.
func (l *ledger) silent() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return awaitZero(l.promised, &l.quiet)
}

func awaitZero(n int, zero *chan struct{}) <-chan struct{} {
	if *zero == nil {
		*zero = make(chan struct{})
	}
	ch := *zero
	if n == 0 {
		fire(zero)
	}
	return ch
}

// fire closes the channel, if there is one, and forgets it.
func fire(ch *chan struct{}) {
	if *ch != nil {
		close(*ch)
		*ch = nil
	}
}
