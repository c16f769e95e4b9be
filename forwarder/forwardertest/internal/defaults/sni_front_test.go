package defaults

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"maps"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// An sniFront is one address for several servers, as the TLS listeners of Redpanda
// and Strimzi on Kubernetes have: it reads the name that a client asks TLS for, and
// passes the connection on to the server of that name without opening it. A client
// that asks for no name, or another one, is cut off.
type sniFront struct {
	listener net.Listener
	servers  map[string]string // address by name

	mu      sync.Mutex
	asked   map[string]int // connections by name
	open    map[net.Conn]bool
	closed  bool
	serving sync.WaitGroup
}

func newSNIFront(t *testing.T, servers map[string]string) *sniFront {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f := &sniFront{listener: l, servers: servers, asked: map[string]int{}, open: map[net.Conn]bool{}}
	f.serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f.serving.Go(func() { f.serve(c) })
		}
	})
	t.Cleanup(f.close)
	return f
}

// close ends all connections, and waits for that.
func (f *sniFront) close() {
	_ = f.listener.Close()
	f.mu.Lock()
	f.closed = true
	for c := range f.open {
		_ = c.Close()
	}
	f.mu.Unlock()
	f.serving.Wait()
}

// keep has close end c, and reports false if it has begun.
func (f *sniFront) keep(c net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open[c] = true
	return !f.closed
}

func (f *sniFront) serve(c net.Conn) {
	defer c.Close()
	if !f.keep(c) {
		return
	}
	name, hello := askedFor(c)
	f.mu.Lock()
	f.asked[name]++
	f.mu.Unlock()
	address, known := f.servers[name]
	if !known {
		return
	}
	server, err := new(net.Dialer).DialContext(context.Background(), "tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	if !f.keep(server) {
		return
	}
	var passing sync.WaitGroup
	passing.Go(func() {
		defer server.Close()
		_, _ = io.Copy(server, io.MultiReader(bytes.NewReader(hello), c))
	})
	_, _ = io.Copy(c, server)
	_ = c.Close()
	passing.Wait()
}

// names returns how many connections asked for each name.
func (f *sniFront) names() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.asked)
}

// dial connects to the front, whatever the address is, as a name does that resolves to
// it.
func (f *sniFront) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, f.listener.Addr().String())
}

var errSeen = errors.New("the name is known")

// askedFor returns the name that a client asks for, and what was read of it.
func askedFor(c net.Conn) (name string, hello []byte) {
	var read bytes.Buffer
	_ = tls.Server(helloConn{c, io.TeeReader(c, &read)}, &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(info *tls.ClientHelloInfo) (*tls.Config, error) {
			name = info.ServerName
			return nil, errSeen
		},
	}).HandshakeContext(context.Background())
	return name, read.Bytes()
}

// A helloConn is read from, and never written to.
type helloConn struct {
	net.Conn
	from io.Reader
}

func (c helloConn) Read(b []byte) (int, error)  { return c.from.Read(b) }
func (c helloConn) Write(b []byte) (int, error) { return len(b), nil }
