package connect

import (
	"crypto/tls"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
)

// NetConn leads to the connection below TLS. Closing TLS itself would send an
// alert to a peer that may not be reading.
func TestSniffedConn_netConn(t *testing.T) {
	raw, _ := net.Pipe()
	defer raw.Close()
	l := &sniffedConn{Conn: tls.Client(raw, &tls.Config{})} //nolint:gosec // it shakes no hands
	below, ok := l.NetConn().(*tls.Conn)
	assert.True(t, ok)
	assert.Same(t, raw, below.NetConn())
}
