package tlsbuffer

import (
	"crypto/tls"
	"fmt"
	"io"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Gathering needs no memory but the buffers, which all connections share.
func TestGather_allocations(t *testing.T) {
	l, raw, _ := connect(t, overTCP, tls.VersionTLS13)
	raw.spoil = func(_ int64, b []byte) (int, error, bool) { return len(b), nil, true }
	data := noise(1 << 20)
	write := func() {
		if _, err := l.Write(data); err != nil {
			t.Error(err)
		}
	}
	write()
	// 64 records and 4 buffers. A pool forgets now and then, most with the race
	// detector, and crypto/tls has one as well.
	const runs = 100
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	assert.LessOrEqual(t, testing.AllocsPerRun(runs, write), 8.0)
	runtime.ReadMemStats(&after)
	assert.Less(t, (after.TotalAlloc-before.TotalAlloc)/runs, uint64(2*gatherAtMost))
	idle(t, l)
}

// BenchmarkGather compares a Write through the gatherer with one record for each
// system call, to a peer that reads and does not decrypt:
//
//	go test -run '^$' -bench Gather ./forwarder/internal/tlsbuffer
func BenchmarkGather(b *testing.B) {
	cert, trusted := selfSigned(b)
	server := &tls.Config{Certificates: []tls.Certificate{cert}}
	for _, size := range []int{9300, 40 << 10, 1 << 20, 5 << 20} {
		for _, gathered := range []bool{false, true} {
			b.Run(fmt.Sprintf("%dKB/gathered=%t", size>>10, gathered), func(b *testing.B) {
				below, far := overTCP(b)
				var reading sync.WaitGroup
				reading.Go(func() {
					if tls.Server(far, server).Handshake() == nil { //nolint:noctx // ends with the connection
						_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{far}, make([]byte, 1<<20))
					}
				})
				conn := Client(below, &tls.Config{RootCAs: trusted, ServerName: "127.0.0.1"}, &Buffers{})
				require.NoError(b, conn.HandshakeContext(b.Context()))
				l := &Conn{Conn: conn}
				if gathered {
					l = Over(conn)
				}
				data := noise(size)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := l.Write(data); err != nil {
						b.Fatal(err)
					}
				}
				l.Close()
				far.Close()
				reading.Wait()
			})
		}
	}
}
