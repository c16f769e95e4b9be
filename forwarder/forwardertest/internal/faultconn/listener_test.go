package faultconn

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func listen(t *testing.T) *Listener {
	t.Helper()
	l, err := Listen(0, "127.0.0.1:0", nil, 0, Hooks{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Close()) })
	return l
}

// isOpen reports whether the port takes connections.
func isOpen(t *testing.T, l *Listener) bool {
	t.Helper()
	c, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		return false
	}
	require.NoError(t, c.Close())
	return true
}

func TestListener_Down_overlapping(t *testing.T) {
	l := listen(t)
	for range 2 { // it can be had again
		l.Down()
		l.Down()
		require.NoError(t, l.Up())
		assert.False(t, isOpen(t, l), "down once more")
		require.NoError(t, l.Up())
		assert.True(t, isOpen(t, l))
	}
	require.NoError(t, l.Up(), "it is up")
	l.Down()
	assert.False(t, isOpen(t, l), "an Up too many does not count")
}

func TestListener_Up_closed(t *testing.T) {
	l := listen(t)
	l.Down()
	l.Down()
	require.NoError(t, l.Close())
	assert.ErrorIs(t, l.Up(), net.ErrClosed)
	assert.ErrorIs(t, l.Up(), net.ErrClosed)
	assert.False(t, isOpen(t, l))
}

func TestListener_Silence_overlapping(t *testing.T) {
	l := listen(t)
	isSilent := func(silence <-chan struct{}) bool {
		select {
		case <-silence:
			return false
		default:
			return true
		}
	}
	assert.False(t, isSilent(l.silence()))
	for range 2 {
		l.Silence()
		held := l.silence() // a call waits on it
		l.Silence()
		l.Wake()
		assert.True(t, isSilent(held), "silent once more")
		assert.True(t, isSilent(l.silence()))
		l.Wake()
		assert.False(t, isSilent(held), "a call from before the second silence goes on")
		assert.False(t, isSilent(l.silence()))
	}
	l.Wake() // too many
	l.Silence()
	assert.True(t, isSilent(l.silence()), "a Wake too many does not count")
}
