package connect

import (
	"net"
	"sync/atomic"
	"time"
)

// A heldConn is a connection whose next write can be made to wait, and that counts
// what is written. It lies above TLS, where a write is a request.
type heldConn struct {
	net.Conn

	writeTimeout time.Duration
	before       atomic.Pointer[func() error]
	written      atomic.Int64 // bytes
}

// BeforeWrite makes the connection's writes call f first, until it is called
// with nil: they wait for f, and fail with its error, having written nothing. Sarama
// has encoded and compressed a request before it writes it, so what f waits for
// can be done meanwhile.
func (b *Broker) BeforeWrite(f func() error) {
	if f == nil {
		b.held.before.Store(nil)
		return
	}
	b.held.before.Store(&f)
}

// Write implements [net.Conn].
func (c *heldConn) Write(b []byte) (int, error) {
	if f := c.before.Load(); f != nil {
		if err := (*f)(); err != nil {
			return 0, err
		}
		// Sarama has set the deadline before the wait.
		if err := c.SetWriteDeadline(time.Now().Add(c.writeTimeout)); err != nil {
			return 0, err
		}
	}
	n, err := c.Conn.Write(b)
	c.written.Add(int64(n))
	return n, err
}
