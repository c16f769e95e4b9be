package deliver

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/eventferry/eventferry/forwarder/internal/staggered"
)

// dialer opens the producer's connections and remembers them. Sarama knows no
// context: closing a connection under it is the only way to end at once
// whatever it is doing there.
type dialer struct {
	ctx  context.Context // ends at abort
	dial func(ctx context.Context, network, addr string) (net.Conn, error)

	servers []string // that seed stands for

	mu      sync.Mutex
	next    int // the server that seed begins with
	open    map[*trackedConn]struct{}
	aborted bool
}

// seed is the one address that Sarama's client begins with: any of the
// servers. Left to itself it asks one after the other and waits out the
// time-out of each that says nothing.
func (d *dialer) seed() string { return strings.Join(d.servers, ",") }

// Dial implements proxy.Dialer, which is Sarama's seam.
func (d *dialer) Dial(network, addr string) (net.Conn, error) {
	dial := d.dial
	if len(d.servers) > 1 && addr == d.seed() {
		dial = d.dialAny
	}
	conn, err := dial(d.ctx, network, addr)
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

// dialAny connects to the server that is the first to let it. Next time it
// begins with another one: this one may be of no use beyond the handshake.
func (d *dialer) dialAny(ctx context.Context, network, _ string) (net.Conn, error) {
	d.mu.Lock()
	from := d.next
	d.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	var dialing sync.WaitGroup
	defer dialing.Wait()
	defer cancel()
	servers := slices.Concat(d.servers[from:], d.servers[:from])
	return staggered.First(&dialing, len(servers), func(i int) (net.Conn, error) {
		conn, err := d.dial(ctx, network, servers[i])
		if err == nil {
			d.mu.Lock()
			d.next = (from + i + 1) % len(servers)
			d.mu.Unlock()
		}
		return conn, err
	}, func(c net.Conn) { _ = Bottom(c).Close() })
}

// abort closes all connections. The context has ended, so there will be none.
func (d *dialer) abort() {
	d.mu.Lock()
	d.aborted = true
	open := d.open
	d.open = nil
	d.mu.Unlock()
	for c := range open {
		_ = Bottom(c.Conn).Close() // what mattered on it ends as unknown anyway
	}
}

// Bottom is the connection below TLS, which says goodbye when it is closed, and
// waits for a peer that may not be reading.
func Bottom(c net.Conn) net.Conn {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		return Bottom(t.NetConn())
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
