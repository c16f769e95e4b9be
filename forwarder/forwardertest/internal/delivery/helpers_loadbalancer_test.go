package delivery

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
)

// A loadBalancer stands before one broker: what it does to
// connections is polite, without a reset.
type loadBalancer struct {
	listener net.Listener
	broker   string
	using    sync.WaitGroup

	mu       sync.Mutex
	closing  bool // accepts connections and closes them at once
	accepted int
	open     map[net.Conn]struct{}
	share    float64 // of what clients send that closes a connection instead
	chance   *rand.Rand
	closed   int // by chance
}

func newLoadBalancer(t *testing.T, broker string) *loadBalancer {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	d := &loadBalancer{
		listener: l, broker: broker, open: map[net.Conn]struct{}{},
		chance: rand.New(rand.NewPCG(1, 2)), //nolint:gosec // to be repeatable
	}
	d.using.Go(d.serve)
	t.Cleanup(func() {
		_ = l.Close()
		d.closeAll()
		d.using.Wait()
	})
	return d
}

// through has all connections go through it, whatever broker they are for.
func (d *loadBalancer) through() forwarder.Option {
	return forwarder.WithDialer(func(ctx context.Context, network, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, network, d.listener.Addr().String())
	})
}

func (d *loadBalancer) serve() {
	for {
		client, err := d.listener.Accept()
		if err != nil {
			return
		}
		d.using.Go(func() { d.pass(client) })
	}
}

func (d *loadBalancer) pass(client net.Conn) {
	defer client.Close()
	d.mu.Lock()
	d.accepted++
	shut := d.closing
	d.mu.Unlock()
	if shut {
		return
	}
	var dialer net.Dialer
	broker, err := dialer.DialContext(context.Background(), "tcp", d.broker)
	if err != nil {
		return
	}
	defer broker.Close()
	d.mu.Lock()
	d.open[client] = struct{}{}
	d.mu.Unlock()
	d.using.Go(func() {
		_, _ = io.Copy(io.MultiWriter(&closer{balancer: d}, broker), client)
		_ = broker.Close()
	})
	_, _ = io.Copy(client, broker)
	d.mu.Lock()
	delete(d.open, client)
	d.mu.Unlock()
}

// closeAll closes all connections, and returns how many there were.
func (d *loadBalancer) closeAll() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	for client := range d.open {
		_ = client.Close()
	}
	return len(d.open)
}

// closeByChance has it close a share of the connections that are open whenever a
// client sends something.
func (d *loadBalancer) closeByChance(share float64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.share = share
}

// closedByChance is how many connections that closed.
func (d *loadBalancer) closedByChance() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closed
}

// A closer is written what the client of one connection sends.
type closer struct {
	balancer *loadBalancer
	writes   int
}

var errClosedByChance = errors.New("closed by chance")

// Write fails by chance, once the client is authenticated.
func (c *closer) Write(p []byte) (int, error) {
	const toAuthenticate = 6
	d := c.balancer
	d.mu.Lock()
	defer d.mu.Unlock()
	if c.writes++; c.writes > toAuthenticate && d.chance.Float64() < d.share {
		d.closed++
		return 0, errClosedByChance
	}
	return len(p), nil
}

func (d *loadBalancer) setClosing(closing bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closing = closing
}

// count is how many connections there have been.
func (d *loadBalancer) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.accepted
}
