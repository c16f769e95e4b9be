package connect

import (
	"fmt"
	"net"
	"sync/atomic"
	"time"
)

// A heldConn is a connection whose next write can be made to wait, that refuses writes
// which are too large, and that counts what is written. It lies above TLS, where a write
// is a request.
type heldConn struct {
	net.Conn

	writeTimeout time.Duration
	before       atomic.Pointer[func() error]
	limit        atomic.Int64 // bytes of one write; 0: there is none
	written      atomic.Int64 // bytes
}

// A WriteTooLargeError is why a request was not written that is above the limit of
// [Broker.LimitWrites].
type WriteTooLargeError struct {
	Bytes int // of the request
	Limit int64
}

func (e *WriteTooLargeError) Error() string {
	return fmt.Sprintf("the request has %d bytes, of which there may be %d", e.Bytes, e.Limit)
}

// LimitWrites makes the connection's writes of more than limit bytes fail with a
// [*WriteTooLargeError], having written nothing. 0 removes the limit.
func (b *Broker) LimitWrites(limit int) { b.held.limit.Store(int64(limit)) }

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
	if limit := c.limit.Load(); limit > 0 && int64(len(b)) > limit { // after the wait: what it is for has happened
		return 0, &WriteTooLargeError{len(b), limit}
	}
	n, err := c.Conn.Write(b)
	c.written.Add(int64(n))
	return n, err
}
