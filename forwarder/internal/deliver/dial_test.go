package deliver

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func pipes(peers *[]net.Conn) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		ours, theirs := net.Pipe()
		*peers = append(*peers, theirs)
		return ours, nil
	}
}

func TestDialer_abort(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var peers []net.Conn
	d := &dialer{ctx: ctx, dial: pipes(&peers), open: map[*trackedConn]struct{}{}}
	one, err := d.Dial("tcp", "b1:9093")
	require.NoError(t, err)
	two, err := d.Dial("tcp", "b2:9093")
	require.NoError(t, err)
	require.NoError(t, one.Close())
	assert.Len(t, d.open, 1)

	read := make(chan error, 1)
	go func() {
		_, err := two.Read(make([]byte, 1))
		read <- err
	}()
	cancel()
	d.abort()
	assert.Error(t, <-read)
	assert.Empty(t, d.open)
	_, err = d.Dial("tcp", "b1:9093")
	assert.Error(t, err)
	require.NoError(t, two.Close(), "closing what abort has closed")
}

// A connection that comes into being while abort runs does not stay.
func TestDialer_abortDuringDial(t *testing.T) {
	var d *dialer
	var peers []net.Conn
	d = &dialer{ctx: t.Context(), open: map[*trackedConn]struct{}{}, dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		d.abort()
		return pipes(&peers)(ctx, network, addr)
	}}
	_, err := d.Dial("tcp", "b1:9093")
	assert.ErrorIs(t, err, ErrClosed)
	_, err = peers[0].Read(make([]byte, 1))
	assert.Error(t, err)
}
