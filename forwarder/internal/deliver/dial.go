package deliver

import (
	"context"
	"net"
	"sync"
)

// dialer opens the producer's connections and remembers them. Sarama knows no
// context: closing a connection under it is the only way to end at once
// whatever it is doing there.
type dialer struct {
	ctx  context.Context // ends at abort
	dial func(ctx context.Context, network, addr string) (net.Conn, error)

	mu      sync.Mutex
	open    map[*trackedConn]struct{}
	aborted bool
}

// Dial implements proxy.Dialer, which is Sarama's seam.
func (d *dialer) Dial(network, addr string) (net.Conn, error) {
	conn, err := d.dial(d.ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c := &trackedConn{Conn: conn, dialer: d}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.aborted {
		_ = conn.Close() // nobody has used it
		return nil, ErrClosed
	}
	d.open[c] = struct{}{}
	return c, nil
}

// abort closes all connections. The context has ended, so there will be none.
func (d *dialer) abort() {
	d.mu.Lock()
	d.aborted = true
	open := d.open
	d.open = nil
	d.mu.Unlock()
	for c := range open {
		_ = bottom(c.Conn).Close() // what mattered on it ends as unknown anyway
	}
}

// bottom is the connection below TLS, which says goodbye when it is closed, and
// waits for a peer that may not be reading.
func bottom(c net.Conn) net.Conn {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		return bottom(t.NetConn())
	}
	return c
}

type trackedConn struct {
	net.Conn
	dialer *dialer
}

// Close implements net.Conn.
func (c *trackedConn) Close() error {
	c.dialer.mu.Lock()
	delete(c.dialer.open, c) // deleting from a nil map is harmless
	c.dialer.mu.Unlock()
	return c.Conn.Close()
}
