//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package connect

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBroker_closedByPeer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	ours, err := new(net.Dialer).DialContext(t.Context(), "tcp", l.Addr().String())
	require.NoError(t, err)
	defer ours.Close()
	theirs, err := l.Accept()
	require.NoError(t, err)

	b := &Broker{socket: ours}
	assert.False(t, b.ClosedByPeer(), "open and silent")
	require.NoError(t, theirs.Close())
	require.Eventually(t, b.ClosedByPeer, time.Minute, time.Millisecond, "closed")

	pipe, other := net.Pipe()
	defer pipe.Close()
	require.NoError(t, other.Close())
	assert.False(t, (&Broker{socket: pipe}).ClosedByPeer(), "a dialer's own connection is not looked at")
}
