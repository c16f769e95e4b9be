package delivery

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
)

// A door stands before one broker, as a load balancer does: what it does to
// connections is polite, without a reset.
type door struct {
	listener net.Listener
	broker   string
	using    sync.WaitGroup

	mu       sync.Mutex
	shut     bool // whoever comes is let in and shown out at once
	accepted int
	open     map[net.Conn]struct{}
}

func newDoor(t *testing.T, broker string) *door {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	d := &door{listener: l, broker: broker, open: map[net.Conn]struct{}{}}
	d.using.Go(d.serve)
	t.Cleanup(func() {
		_ = l.Close()
		d.showOut()
		d.using.Wait()
	})
	return d
}

// through has all connections go through the door, whatever broker they are for.
func (d *door) through() forwarder.Option {
	return forwarder.WithDialer(func(ctx context.Context, network, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, network, d.listener.Addr().String())
	})
}

func (d *door) serve() {
	for {
		client, err := d.listener.Accept()
		if err != nil {
			return
		}
		d.using.Go(func() { d.pass(client) })
	}
}

func (d *door) pass(client net.Conn) {
	defer client.Close()
	d.mu.Lock()
	d.accepted++
	shut := d.shut
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
		_, _ = io.Copy(broker, client)
		_ = broker.Close()
	})
	_, _ = io.Copy(client, broker)
	d.mu.Lock()
	delete(d.open, client)
	d.mu.Unlock()
}

// showOut closes all connections, and returns how many there were.
func (d *door) showOut() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	for client := range d.open {
		_ = client.Close()
	}
	return len(d.open)
}

func (d *door) setShut(shut bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut = shut
}

// count is how many connections there have been.
func (d *door) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.accepted
}
