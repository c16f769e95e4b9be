package asyncproducer

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The end of the context ends what Sarama does on a connection.
func TestConnDialer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var peers []net.Conn
	d := connDialer{ctx, func(ctx context.Context, network, addr string) (net.Conn, error) {
		assert.Equal(t, []string{"tcp", "b1:9093"}, []string{network, addr})
		ours, theirs := net.Pipe()
		peers = append(peers, theirs)
		return ours, ctx.Err()
	}}
	closed, err := d.Dial("tcp", "b1:9093")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	_, err = peers[0].Read(make([]byte, 1))
	require.Error(t, err)

	open, err := d.Dial("tcp", "b1:9093")
	require.NoError(t, err)
	read := make(chan error, 1)
	go func() {
		_, err := open.Read(make([]byte, 1))
		read <- err
	}()
	cancel()
	require.Error(t, <-read)
	assert.NoError(t, open.Close(), "Sarama closes it, too")

	_, err = d.Dial("tcp", "b1:9093")
	assert.ErrorIs(t, err, context.Canceled)
}

// A connection that comes into being when the context ends does not stay.
func TestConnDialer_late(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ours, theirs := net.Pipe()
	d := connDialer{ctx, func(context.Context, string, string) (net.Conn, error) {
		cancel()
		return ours, nil
	}}
	_, err := d.Dial("tcp", "b1:9093")
	require.NoError(t, err)
	_, err = theirs.Read(make([]byte, 1))
	assert.Error(t, err)
}
