package faultconn

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	connUsers    = 2 // kfake reads and writes on a goroutine each, and both close
	maxFrame     = 128 << 20
	header       = 8 // of a request: API key, version, correlation id
	refusalWrite = time.Second
)

var (
	errFrame   = errors.New("not a request of Kafka's protocol")
	errRefused = errors.New("the broker closes the connection on this request")
)

// A Conn hands the broker the requests of one client, whole, and looks at each
// answer on its way out.
type Conn struct {
	net.Conn // TLS over raw, or raw
	raw      *gate
	l        *Listener
	in       []byte // of the request being handed over

	mu        sync.Mutex
	pending   []request
	mechanism string
	broken    bool // cut: nothing more is to be said
	mute      bool
	throttled time.Time // until then no request is taken
	users     int
}

type request struct {
	key, version int16
	correlation  int32
}

func newConn(l *Listener, raw net.Conn) *Conn {
	g := &gate{Conn: raw, l: l, done: make(chan struct{})}
	c := &Conn{Conn: g, raw: g, l: l, users: connUsers}
	if l.tls != nil {
		c.Conn = tls.Server(g, l.tls)
	}
	return c
}

func (c *Conn) Read(p []byte) (int, error) {
	if len(c.in) == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.in)
	c.in = c.in[n:]
	return n, nil
}

// next reads one request.
func (c *Conn) next() error {
	var size [4]byte
	if err := c.readSize(size[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n < header || n > maxFrame {
		return errFrame
	}
	if c.l.hooks.Size != nil && c.l.hooks.Size(c.l.broker, int(n)) {
		return errRefused
	}
	frame := make([]byte, len(size)+int(n))
	copy(frame, size[:])
	body := frame[len(size):]
	if _, err := io.ReadFull(c.Conn, body); err != nil {
		return err
	}
	r := request{
		key:         int16(binary.BigEndian.Uint16(body)),     //nolint:gosec // as the protocol has it
		version:     int16(binary.BigEndian.Uint16(body[2:])), //nolint:gosec // as the protocol has it
		correlation: int32(binary.BigEndian.Uint32(body[4:])), //nolint:gosec // as the protocol has it
	}
	if kmsg.RequestForKey(r.key) == nil {
		return errFrame
	}
	c.l.count(r.key)
	if c.l.hooks.Request != nil && c.l.hooks.Request(Request{Broker: c.l.broker, Key: r.key, Version: r.version, Body: body[header:]}) {
		return errRefused
	}
	c.waitUntil(c.throttledUntil())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = append(c.pending, r)
	if r.key == int16(kmsg.SASLHandshake) {
		c.mechanism = mechanism(body[header:])
	}
	c.in = frame
	return nil
}

// readSize waits for the next request, for as long as a connection may be idle.
// One with an answer to come is not.
func (c *Conn) readSize(size []byte) error {
	idle := c.l.idle
	if idle == 0 {
		_, err := io.ReadFull(c.Conn, size)
		return err
	}
	timer := time.AfterFunc(idle, c.closeIdle)
	defer timer.Stop()
	_, err := io.ReadFull(c.Conn, size)
	return err
}

// closeIdle closes the connection in order, unless there is an answer to come.
func (c *Conn) closeIdle() {
	c.mu.Lock()
	busy := len(c.pending) > 0
	c.mu.Unlock()
	if busy {
		return
	}
	c.l.countIdle()
	_ = c.Conn.Close()
	_ = c.raw.Close()
}

func (c *Conn) throttledUntil() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.throttled
}

// waitUntil returns early when the connection ends.
func (c *Conn) waitUntil(t time.Time) {
	wait := time.Until(t)
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.raw.done:
	}
}

// Write gets one whole answer.
func (c *Conn) Write(p []byte) (int, error) {
	r := c.answered(int32(binary.BigEndian.Uint32(p[4:]))) //nolint:gosec // as the protocol has it
	n := len(p)
	if c.l.hooks.Answer != nil {
		a := Answer{Broker: c.l.broker, Request: r.key, Version: r.version, Frame: p, Gone: c.raw.done}
		switch c.l.hooks.Answer(&a) {
		case Lose:
			c.cut()
			return 0, net.ErrClosed
		case Withhold:
			c.mu.Lock()
			c.mute = true
			c.mu.Unlock()
		}
		p = a.Frame
		if a.Throttle > 0 {
			c.mu.Lock()
			c.throttled = time.Now().Add(a.Throttle)
			c.mu.Unlock()
		}
	}
	if c.muted() {
		return n, nil
	}
	if _, err := c.Conn.Write(p); err != nil {
		return 0, err
	}
	return n, nil
}

func (c *Conn) muted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mute
}

// answered takes the request out of the pending ones, and those before it that
// get no answer.
func (c *Conn) answered(correlation int32) request {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, r := range c.pending {
		if r.correlation == correlation {
			c.pending = c.pending[i+1:]
			return r
		}
	}
	return request{}
}

// cut resets the connection.
func (c *Conn) cut() {
	c.mu.Lock()
	c.broken = true
	c.mu.Unlock()
	c.raw.reset()
}

// Close is called by each of the broker's goroutines.
func (c *Conn) Close() error {
	c.mu.Lock()
	first, last := c.users == connUsers, c.users > 0
	c.users--
	refused := first && !c.broken && len(c.pending) > 0 && c.pending[0].key == int16(kmsg.SASLAuthenticate)
	c.mu.Unlock()
	if last {
		defer c.l.using.Done()
	}
	if !first {
		return nil
	}
	defer c.l.forget(c)
	select {
	case <-c.l.silence():
	default: // TLS would wait to say goodbye
		return c.raw.Close()
	}
	if refused {
		c.refuse()
	}
	err := c.Conn.Close()
	_ = c.raw.Close()
	return err
}

// A gate holds what goes through it while the listener is silent.
type gate struct {
	net.Conn
	l    *Listener
	done chan struct{}
	once sync.Once
}

func (g *gate) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	g.wait()
	return n, err
}

func (g *gate) Write(p []byte) (int, error) {
	g.wait()
	return g.Conn.Write(p)
}

func (g *gate) wait() {
	select {
	case <-g.l.silence():
	case <-g.done:
	}
}

func (g *gate) Close() error {
	err := net.ErrClosed
	g.once.Do(func() {
		close(g.done)
		err = g.Conn.Close()
	})
	return err
}

// reset closes without the handshake of TCP: the client sees a reset.
func (g *gate) reset() {
	if tcp, ok := g.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = g.Close()
}
