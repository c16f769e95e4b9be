// Package wire stands between an in-process broker and its clients: it sees
// every connection, request and answer, and can take each away.
package wire

import (
	"context"
	"crypto/tls"
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

// An Answer is about to be written to a client.
type Answer struct {
	Broker  int
	Request int16 // API key
	// Closed when the connection ends, for hooks that wait.
	Gone <-chan struct{}
}

// A Hook decides about each answer. It may block, which delays the answer.
type Hook func(Answer) Verdict

// A Listener is the port of one broker.
type Listener struct {
	broker int
	tls    *tls.Config // nil: plaintext
	hook   Hook
	done   chan struct{}
	closed sync.Once
	using  sync.WaitGroup // the broker's two goroutines of each connection

	mu       sync.Mutex
	addr     net.Addr
	port     net.Listener  // nil while down
	up       chan struct{} // closed when port is set again
	awake    chan struct{} // open while silent
	conns    map[*Conn]struct{}
	requests map[int16]int
}

// Listen opens a port on address for the broker with this number.
func Listen(broker int, address string, tc *tls.Config, hook Hook) (*Listener, error) {
	port, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, err
	}
	awake := make(chan struct{})
	close(awake)
	return &Listener{
		broker: broker, tls: tc, hook: hook,
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

// Down closes the port and resets all connections.
func (l *Listener) Down() int {
	l.mu.Lock()
	if l.port != nil {
		_ = l.port.Close()
		l.port, l.up = nil, make(chan struct{})
	}
	l.mu.Unlock()
	return l.Cut()
}

// Up opens the port again. Somebody may have taken it for a moment, since the
// system also gives it to outgoing connections; Up waits for that to pass.
func (l *Listener) Up() error {
	deadline := time.Now().Add(reopenPatience)
	for {
		port, err := new(net.ListenConfig).Listen(context.Background(), "tcp", l.addr.String())
		if err == nil {
			return l.reopen(port)
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

func (l *Listener) reopen(port net.Listener) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.done:
		_ = port.Close()
		return net.ErrClosed
	default:
	}
	l.port = port
	close(l.up)
	return nil
}

// Silence stops everything on this port, as a stopped process would: the
// system goes on accepting, and nothing is read or written until Wake.
func (l *Listener) Silence() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.awake = make(chan struct{})
}

// Wake ends Silence. What arrived meanwhile is read now.
func (l *Listener) Wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wakeLocked()
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
