package forwarder

import (
	"crypto/tls"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Close closes what is below TLS, which would say goodbye to a peer that may
// not be reading.
func TestLink_bottom(t *testing.T) {
	raw, _ := net.Pipe()
	defer raw.Close()
	l := &link{Conn: tls.Client(raw, &tls.Config{})} //nolint:gosec // it shakes no hands
	below, ok := l.NetConn().(*tls.Conn)
	assert.True(t, ok)
	assert.Same(t, raw, below.NetConn())
}
