package forwarder

import "sync"

// A ledger counts the messages that are accepted and undecided, and what the end
// of the forwarder waits for beside them: calls that run, in which filters and
// observers may, and functions of callers that are still to be called. It knows
// whether the forwarder still accepts.
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

// promise announces a call of a caller's function, or says that one of ours has
// begun; kept says that it is over.
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

// silent is closed once all that was promised is over.
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
