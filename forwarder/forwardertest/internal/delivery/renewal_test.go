package delivery

import (
	"context"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
)

// Connections that have become old are replaced under load: nothing is lost, doubled
// or overtaken, no call fails, and no more connections are open than before.
func TestRenewal(t *testing.T) {
	t.Parallel()
	r := newPasswordRotation(t)
	s := r.settings
	s.Delivery.MaxConnectionAge = time.Second
	var told log
	var conns countedConns
	f := engine.start(t, s, told.option(), conns.option())
	w := startLoad(t, f)
	for range 2 {
		w.awaitMore(t, 100)
		conns.mark(t, 3)
		conns.awaitClosed(t, 3)
	}
	w.stop()
	assert.NotContains(t, told.text(), "not renewed")
	assert.Zero(t, f.Stats().RenewalsRefused)
	require.Eventually(t, func() bool { return conns.open() <= 7 }, time.Minute, time.Millisecond,
		"three for messages, of which each may have a newer one, and one for metadata")
	assert.Equal(t, tally{acknowledged: len(w.entries)}, w.check(t, r.kafka, 12))
}

// While the brokers refuse the password, the connections there are stay in use, and
// the log says so. When the file has the new one, they are replaced.
func TestRenewal_refused(t *testing.T) {
	t.Parallel()
	r := newPasswordRotation(t)
	s := r.settings
	s.Delivery.MaxConnectionAge = time.Second
	file := s.PasswordFile
	old, err := os.ReadFile(file)
	require.NoError(t, err)
	var told log
	var conns countedConns
	f := engine.start(t, s, told.option(), conns.option())
	w := startLoad(t, f)
	w.awaitMore(t, 100)
	conns.mark(t, 3) // there is one to each broker before the password is another
	r.replace(t)
	require.NoError(t, os.WriteFile(file, old, 0o600)) // not yet
	require.Eventually(t, func() bool { return strings.Contains(told.text(), "connection not renewed") }, time.Minute, time.Millisecond)
	conns.mark(t, 3)
	dialled := conns.dialled()
	require.Eventually(t, func() bool { return conns.dialled() >= dialled+6 }, time.Minute, time.Millisecond, "it is tried again")
	w.awaitMore(t, 100)
	assert.Equal(t, 0, conns.closedOfMarked(), "the old ones stay")
	assert.Equal(t, 1, strings.Count(told.text(), "connection not renewed"), told.text())
	assert.GreaterOrEqual(t, f.Stats().RenewalsRefused, int64(6), "each is counted")
	assert.Contains(t, told.text(), `wrong password (file \"`+file+`\")`)

	require.NoError(t, os.WriteFile(file, []byte("crayon"), 0o600))
	conns.awaitClosed(t, 3)
	w.awaitMore(t, 100)
	w.stop()
	assert.Equal(t, tally{acknowledged: len(w.entries)}, w.check(t, r.kafka, 12))
}

// carried are bytes that a connection has sent only if it has carried a message of a
// load. All else that is sent on it takes less.
const carried = 8 << 10

// countedConns are the connections that a forwarder has dialled.
type countedConns struct {
	mu     sync.Mutex
	conns  []*countedConn
	marked []*countedConn
}

type countedConn struct {
	net.Conn
	all    *countedConns
	sent   int
	closed bool
}

func (c *countedConn) Write(b []byte) (int, error) {
	c.all.mu.Lock()
	c.sent += len(b)
	c.all.mu.Unlock()
	return c.Conn.Write(b)
}

func (c *countedConn) Close() error {
	c.all.mu.Lock()
	c.closed = true
	c.all.mu.Unlock()
	return c.Conn.Close()
}

func (l *countedConns) option() forwarder.Option {
	return forwarder.WithDialer(func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		c := &countedConn{Conn: conn, all: l}
		l.conns = append(l.conns, c)
		return c, nil
	})
}

// mark waits until so many connections are open that have carried messages, and
// remembers those.
func (l *countedConns) mark(t *testing.T, n int) {
	t.Helper()
	require.Eventually(t, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.marked = nil
		for _, c := range l.conns {
			if !c.closed && c.sent > carried { // all else takes less
				l.marked = append(l.marked, c)
			}
		}
		return len(l.marked) >= n
	}, time.Minute, time.Millisecond)
}

func (l *countedConns) closedOfMarked() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.marked {
		if c.closed {
			n++
		}
	}
	return n
}

// awaitClosed waits until so many of the marked connections are closed.
func (l *countedConns) awaitClosed(t *testing.T, n int) {
	t.Helper()
	require.Eventually(t, func() bool { return l.closedOfMarked() >= n }, time.Minute, time.Millisecond)
}

func (l *countedConns) dialled() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

func (l *countedConns) open() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		if !c.closed {
			n++
		}
	}
	return n
}
