package tlsbuffer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var versions = map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13}

// network makes the two ends of a connection.
type network func(t testing.TB) (client, server net.Conn)

func overPipe(testing.TB) (client, server net.Conn) { return net.Pipe() }

func overTCP(t testing.TB) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	var d net.Dialer
	client, err = d.DialContext(t.Context(), "tcp", l.Addr().String())
	require.NoError(t, err)
	server, err = l.Accept()
	require.NoError(t, err)
	return client, server
}

// connect shakes hands as the forwarder does. The test is over before both ends
// are closed, so what reads from them comes to its end.
func connect(t *testing.T, n network, version uint16) (*Conn, *meteredConn, *tls.Conn) {
	t.Helper()
	cert, trusted := selfSigned(t)
	return connectWith(t, n, &tls.Config{RootCAs: trusted, ServerName: "127.0.0.1"}, &tls.Config{
		Certificates: []tls.Certificate{cert},
		MinVersion:   version,
		MaxVersion:   version,
	})
}

func connectWith(t *testing.T, n network, client, server *tls.Config) (*Conn, *meteredConn, *tls.Conn) {
	t.Helper()
	below, far := n(t)
	raw, peer := &meteredConn{Conn: below}, tls.Server(far, server)
	t.Cleanup(func() { below.Close(); far.Close() })
	shaken := make(chan error, 1)
	go func() { shaken <- peer.HandshakeContext(t.Context()) }()
	conn := Client(raw, client, &Buffers{})
	require.NoError(t, conn.HandshakeContext(t.Context()))
	require.NoError(t, <-shaken)
	l := Over(conn)
	raw.writes.Store(0) // of the handshake
	return l, raw, peer
}

// A meteredConn counts the system calls that write, and can spoil one.
type meteredConn struct {
	net.Conn
	writes atomic.Int64
	spoil  func(write int64, b []byte) (n int, err error, spoiled bool)
}

func (c *meteredConn) Write(b []byte) (int, error) {
	count := c.writes.Add(1)
	if c.spoil != nil {
		if n, err, spoiled := c.spoil(count, b); spoiled {
			return n, err
		}
	}
	return c.Conn.Write(b)
}

// noise is data that looks the same nowhere.
func noise(size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(size)}).Read(b)
	return b
}

func idle(t *testing.T, l *Conn) {
	t.Helper()
	assert.False(t, l.below.isGathering())
	assert.Nil(t, l.below.kept, "an idle connection has no buffer")
}

func selfSigned(tb testing.TB) (tls.Certificate, *x509.CertPool) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	require.NoError(tb, err)
	template := &x509.Certificate{
		NotBefore:   time.Now().Add(-time.Hour),
		NotAfter:    time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(crand.Reader, template, template, &key.PublicKey, key)
	require.NoError(tb, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(tb, err)
	trusted := x509.NewCertPool()
	trusted.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, trusted
}
