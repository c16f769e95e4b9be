package proxy_test

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/proxy"
)

// echo is a broker that answers with what it was asked.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-over })
	return l.Addr().String()
}

func start(t *testing.T) (*proxy.Proxy, func() net.Conn) {
	t.Helper()
	t.Cleanup(func() { goleak.VerifyNone(t) })
	p, err := proxy.New(echo(t))
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p, func() net.Conn {
		var d net.Dialer
		c, err := d.DialContext(t.Context(), "tcp", p.Addr())
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
}

func ask(t *testing.T, c net.Conn, patience time.Duration) error {
	t.Helper()
	_, err := c.Write([]byte("ask"))
	require.NoError(t, err)
	return answer(t, c, patience)
}

func answer(t *testing.T, c net.Conn, patience time.Duration) error {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
	_, err := io.ReadFull(c, make([]byte, 3))
	return err
}

const (
	soon = 100 * time.Millisecond
	long = 10 * time.Second
	ms   = time.Millisecond
)

// awaitIdle waits until the proxy has noticed that all is answered: a client may have
// read the answer before.
func awaitIdle(t *testing.T, p *proxy.Proxy) {
	t.Helper()
	require.Eventually(t, func() bool { return p.Busy() == 0 }, long, ms)
}

func TestProxy_passes(t *testing.T) {
	p, dial := start(t)
	c := dial()
	require.NoError(t, ask(t, c, long))
	awaitIdle(t, p)
	assert.Zero(t, p.Hits())
}

func TestProxy_cut(t *testing.T) {
	p, dial := start(t)
	c := dial()
	require.NoError(t, ask(t, c, long))
	awaitIdle(t, p)
	assert.Zero(t, p.Cut(), "nothing was asked")
	require.ErrorIs(t, answer(t, c, long), syscall.ECONNRESET)
	assert.Equal(t, 1, p.Hits())
	require.NoError(t, ask(t, dial(), long), "new connections are fine")
}

func TestProxy_hold(t *testing.T) {
	p, dial := start(t)
	c := dial()
	release := p.Hold()
	require.ErrorIs(t, ask(t, c, soon), os.ErrDeadlineExceeded)
	assert.Equal(t, 1, p.Busy())
	release()
	require.NoError(t, answer(t, c, long))
	assert.Positive(t, p.Hits())
}

func TestProxy_swallow(t *testing.T) {
	p, dial := start(t)
	c := dial()
	p.Swallow(true)
	require.ErrorIs(t, ask(t, c, soon), os.ErrDeadlineExceeded)
	p.Swallow(false)
	require.ErrorIs(t, answer(t, c, soon), os.ErrDeadlineExceeded, "it is gone for good")
	assert.Positive(t, p.Hits())
}

func TestProxy_slow(t *testing.T) {
	p, dial := start(t)
	c := dial()
	require.NoError(t, ask(t, c, long))
	p.Slow(soon, 0)
	begun := time.Now()
	require.NoError(t, ask(t, c, long))
	assert.GreaterOrEqual(t, time.Since(begun), 2*soon)
	p.Slow(0, 30) // 3 bytes each way
	begun = time.Now()
	require.NoError(t, ask(t, c, long))
	assert.GreaterOrEqual(t, time.Since(begun), 2*soon)
	assert.Equal(t, 4, p.Hits())
}

func TestProxy_down(t *testing.T) {
	p, dial := start(t)
	c := dial()
	require.NoError(t, ask(t, c, long))
	p.Down()
	require.Error(t, answer(t, c, long))
	_, err := new(net.Dialer).DialContext(t.Context(), "tcp", p.Addr())
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.NoError(t, p.Up())
	require.NoError(t, ask(t, dial(), long))
}

func TestProxy_lost(t *testing.T) {
	p, dial := start(t)
	idle, busy := dial(), dial()
	require.NoError(t, ask(t, idle, long))
	p.Swallow(true)
	require.Error(t, ask(t, busy, soon))
	require.NoError(t, idle.Close())
	require.NoError(t, busy.Close())
	assert.Eventually(t, func() bool { return p.Lost() == 1 }, long, ms)
	p.Close()
	assert.Equal(t, 1, p.Lost())
}

func TestProxy_brokerGone(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	p, err := proxy.New(l.Addr().String())
	require.NoError(t, err)
	defer p.Close()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", p.Addr())
	if err == nil { // the reset may come before dialing is over
		defer c.Close()
		err = answer(t, c, long)
	}
	assert.True(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF), "%v", err)
}
