package connect

import (
	"context"
	"crypto/tls"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestOpen_contextEnds: Open returns when its context ends, though the broker
// never answers, and closes the connection.
func TestOpen_contextEnds(t *testing.T) {
	ca := newAuthority(t, "Our CA")
	tc := &tls.Config{Certificates: []tls.Certificate{ca.issue("broker", nil)}}
	asked, closed := make(chan struct{}), make(chan struct{})
	server := serve(t, func(c net.Conn) {
		defer close(closed)
		conn := tls.Server(c, tc)
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			close(asked)
		}
		silent(conn)
	})
	cfg, err := probing(t, ca, nil, server).Config(t.Context())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	b, err := Open(ctx, cfg, server)
	assert.Error(t, err)
	assert.Nil(t, b)
	assert.ErrorIs(t, ctx.Err(), context.Canceled, "before that it must try")
	<-closed
}

// TestOpen_unreachable: the error of the dialer comes back.
func TestOpen_unreachable(t *testing.T) {
	server := closedPort(t)
	cfg, err := probing(t, newAuthority(t, "Our CA"), nil, server).Config(t.Context())
	require.NoError(t, err)
	_, err = Open(t.Context(), cfg, server)
	assert.ErrorContains(t, err, server+": dial tcp")
}
