// Package faultconn stands between an in-process broker and its clients: it sees
// every connection, request and answer, and can take each away.
package faultconn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

const (
	reopenPause    = 20 * time.Millisecond
	reopenPatience = 10 * time.Second
)

// A Verdict says what becomes of an answer.
type Verdict int

// What can become of an answer.
const (
	Pass     Verdict = iota // it is written
	Lose                    // the connection is cut in its place
	Withhold                // neither it nor anything after it on this connection is written
)

// A Request has arrived from a client. Body begins with the client id.
type Request struct {
	Broker       int
	Key, Version int16
	Body         []byte
}

// An Answer is about to be written to a client. A hook may replace Frame, which
// is the answer with its size and its correlation id in front.
type Answer struct {
	Broker  int
	Request int16 // API key
	Version int16
	Frame   []byte
	// Throttle is for how long nothing more is taken on this connection.
	Throttle time.Duration
	// Gone is closed when the connection ends, for hooks that wait.
	Gone <-chan struct{}
}

// Hooks decide what becomes of what goes through. Without one it passes.
type Hooks struct {
	// Size is given each request's size before the rest of it is read. The
	// connection is closed when it reports true.
	Size func(broker, bytes int) bool
	// Request is given each request. The connection is closed when it reports
	// true.
	Request func(Request) bool
	// Answer may block, which delays the answer.
	Answer func(*Answer) Verdict
}

// A Listener is the port of one broker.
type Listener struct {
	broker int
	tls    *tls.Config // nil: plaintext
	hooks  Hooks
	idle   time.Duration // after which a connection is closed; 0: never
	done   chan struct{}
	closed sync.Once
	using  sync.WaitGroup // the broker's two goroutines of each connection

	mu       sync.Mutex
	addr     net.Addr
	port     net.Listener  // nil while down
	downs    int           // calls of Down that no Up has ended
	up       chan struct{} // closed when port is set again
	silences int           // calls of Silence that no Wake has ended
	awake    chan struct{} // open while silent
	conns    map[*Conn]struct{}
	requests map[int16]int
	idled    int // connections closed for being idle
}

// Listen opens a port on address for the broker with this number. Connections
// without a request for idle are closed, if that is not 0.
func Listen(broker int, address string, tc *tls.Config, idle time.Duration, hooks Hooks) (*Listener, error) {
	port, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, err
	}
	awake := make(chan struct{})
	close(awake)
	return &Listener{
		broker: broker, tls: tc, hooks: hooks, idle: idle,
		done: make(chan struct{}),
		addr: port.Addr(), port: port, awake: awake,
		conns:    map[*Conn]struct{}{},
		requests: map[int16]int{},
	}, nil
}

// Addr returns the address, which stays the same while the port is closed.
func (l *Listener) Addr() net.Addr { return l.addr }

// Accept waits for the next client, also while the port is closed.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		l.mu.Lock()
		port, up := l.port, l.up
		l.mu.Unlock()
		if port == nil {
			select {
			case <-up:
				continue
			case <-l.done:
				return nil, net.ErrClosed
			}
		}
		raw, err := port.Accept()
		if err == nil {
			if c := l.admit(port, raw); c != nil {
				return c, nil
			}
			continue
		}
		select {
		case <-l.done:
			return nil, net.ErrClosed
		default: // taken down
		}
		l.mu.Lock()
		failed := l.port == port
		l.mu.Unlock()
		if failed {
			return nil, err
		}
	}
}

// admit returns nil when the port was closed since.
func (l *Listener) admit(port net.Listener, raw net.Conn) *Conn {
	c := newConn(l, raw)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.port != port {
		_ = raw.Close()
		return nil
	}
	l.conns[c] = struct{}{}
	l.using.Add(connUsers)
	return c
}

func (l *Listener) forget(c *Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}

func (l *Listener) count(key int16) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests[key]++
}

func (l *Listener) countIdle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idled++
}

// Idled returns how many connections were closed for being idle.
func (l *Listener) Idled() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.idled
}

// Requests returns how many requests with this API key have arrived.
func (l *Listener) Requests(key int16) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.requests[key]
}

// Connections returns how many connections are open.
func (l *Listener) Connections() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

// Cut resets all connections and returns how many there were.
func (l *Listener) Cut() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		c.cut()
	}
	return len(l.conns)
}

// Down closes the port and resets all connections. The port stays closed until
// Up was called as often as Down.
func (l *Listener) Down() int {
	l.mu.Lock()
	l.downs++
	if l.port != nil {
		_ = l.port.Close()
		l.port, l.up = nil, make(chan struct{})
	}
	l.mu.Unlock()
	return l.Cut()
}

// Up ends one call of Down, and the last one opens the port again. Another process
// may have taken it for a moment, since the system also gives it to outgoing
// connections; Up waits for that to pass.
func (l *Listener) Up() error {
	l.mu.Lock()
	l.downs = max(l.downs-1, 0)
	l.mu.Unlock()
	deadline := time.Now().Add(reopenPatience)
	for {
		err := l.reopen()
		if err == nil || errors.Is(err, net.ErrClosed) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("opening %s again: %w", l.addr, err)
		}
		select {
		case <-time.After(reopenPause):
		case <-l.done:
			return net.ErrClosed
		}
	}
}

// reopen opens the port, unless it is open or to stay closed.
func (l *Listener) reopen() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.done:
		return net.ErrClosed
	default:
	}
	if l.downs > 0 || l.port != nil {
		return nil
	}
	port, err := new(net.ListenConfig).Listen(context.Background(), "tcp", l.addr.String())
	if err != nil {
		return err
	}
	l.port = port
	close(l.up)
	return nil
}

// Silence stops everything on this port, as a stopped process would: the
// system goes on accepting, and nothing is read or written until Wake was called
// as often as Silence.
func (l *Listener) Silence() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.silences++; l.silences == 1 { // else calls wait on the channel that is there
		l.awake = make(chan struct{})
	}
}

// Wake ends one call of Silence. After the last one, what arrived meanwhile is
// read.
func (l *Listener) Wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.silences = max(l.silences-1, 0); l.silences == 0 {
		l.wakeLocked()
	}
}

func (l *Listener) wakeLocked() {
	select {
	case <-l.awake:
	default:
		close(l.awake)
	}
}

func (l *Listener) silence() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.awake
}

// Close closes the port and all connections.
func (l *Listener) Close() error {
	l.closed.Do(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		close(l.done)
		l.wakeLocked()
		if l.port != nil {
			_ = l.port.Close()
			l.port = nil
		}
		for c := range l.conns {
			c.cut()
		}
	})
	return nil
}

// Wait returns when the broker has let go of all connections.
func (l *Listener) Wait() { l.using.Wait() }
