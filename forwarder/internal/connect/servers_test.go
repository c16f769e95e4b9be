package connect

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// serve listens on a port of its own until the test ends and gives every
// connection to handle, which need not close it.
func serve(t *testing.T, handle func(net.Conn)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var (
		serving sync.WaitGroup
		mu      sync.Mutex
		conns   []net.Conn
	)
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			serving.Go(func() { handle(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		serving.Wait()
	})
	return l.Addr().String()
}

// serveTLS does no more than the handshake, and then reads what comes.
func serveTLS(t *testing.T, tc *tls.Config) (addr string) {
	return serve(t, func(c net.Conn) {
		s := tls.Server(c, tc)
		_, _ = io.Copy(io.Discard, s) // fails where the handshake does
		s.Close()
	})
}

// silent accepts connections and reads, and never answers.
func silent(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// plaintext closes the connection like a Kafka broker that takes the TLS
// greeting for a request of 370 MB.
func plaintext(c net.Conn) {
	_, _ = io.ReadFull(c, make([]byte, 4))
	c.Close()
}

// answering writes text when something comes.
func answering(text string) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1))
		_, _ = io.WriteString(c, text)
		silent(c)
	}
}

// closedPort returns an address without a listener.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// A meter counts the bytes that a client sends inside of TLS.
type meter struct {
	records atomic.Int64 // of application data that are longer than an alert
	bytes   atomic.Int64 // of all kinds
}

// encryptedAlert is the length of an alert in a record of TLS 1.3, which is
// marked as application data.
const encryptedAlert = 2 + 1 + 16

// between forwards connections to addr and counts.
func (m *meter) between(t *testing.T, addr string) (proxy string) {
	return serve(t, func(client net.Conn) {
		server, err := net.Dial("tcp", addr) //nolint:noctx // ends with the client's connection
		if err != nil {
			client.Close()
			return
		}
		go func() {
			_, _ = io.Copy(client, server)
			client.Close()
		}()
		m.copyRecords(server, client)
		server.Close()
	})
}

func (m *meter) copyRecords(dst io.Writer, src io.Reader) {
	for head := make([]byte, 5); ; {
		if _, err := io.ReadFull(src, head); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint16(head[3:]))
		if _, err := io.ReadFull(src, body); err != nil {
			return
		}
		m.bytes.Add(int64(len(head) + len(body)))
		if head[0] == 23 && len(body) > encryptedAlert {
			m.records.Add(1)
		}
		if _, err := dst.Write(append(head, body...)); err != nil {
			return
		}
		head = make([]byte, 5)
	}
}
