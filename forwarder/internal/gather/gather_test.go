package gather

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
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

// TestGather: what is written arrives, in as few system calls as can be.
func TestGather(t *testing.T) {
	for _, v := range []string{"TLS 1.2", "TLS 1.3"} {
		for name, n := range map[string]network{"TCP": overTCP, "a pipe": overPipe} {
			t.Run(v+" over "+name, func(t *testing.T) {
				l, raw, peer := connect(t, n, versions[v])
				for _, tt := range []struct{ size, writes int }{
					{0, 0},
					{1, 1},
					{recordSize - 1, 1},
					{recordSize, 1},
					{recordSize + 1, 1},
					{3 * recordSize, 1},
					{16 * recordSize, 1},
					{16*recordSize + 1, 2},
					{1 << 20, 4},
					{5 << 20, 20},
					{1, 1},
				} {
					want, got := noise(tt.size), make([]byte, tt.size)
					read := make(chan error, 1)
					go func() {
						_, err := io.ReadFull(peer, got)
						read <- err
					}()
					raw.writes.Store(0)
					n, err := l.Write(want)
					require.NoError(t, err)
					assert.Equal(t, tt.size, n)
					require.NoError(t, <-read)
					assert.True(t, string(want) == string(got), "%d bytes arrive as they are", tt.size)
					assert.EqualValues(t, tt.writes, raw.writes.Load(), "%d bytes", tt.size)
					idle(t, l)
				}
			})
		}
	}
}

// Several goroutines write on one connection: each write is whole, and done when
// it returns.
func TestGather_severalWriters(t *testing.T) {
	l, _, peer := connect(t, overTCP, tls.VersionTLS13)
	const writers, each = 4, 20
	sizes := []int{1 << 10, 40 << 10, 300 << 10}
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				b := make([]byte, sizes[(w+i)%len(sizes)])
				binary.BigEndian.PutUint32(b, uint32(len(b)))
				copy(b[4:], bytes.Repeat([]byte{byte(w)}, len(b)-4))
				if _, err := l.Write(b); !assert.NoError(t, err) {
					return
				}
			}
		})
	}
	for range writers * each {
		var head [5]byte
		_, err := io.ReadFull(peer, head[:])
		require.NoError(t, err)
		rest := make([]byte, binary.BigEndian.Uint32(head[:])-5)
		_, err = io.ReadFull(peer, rest)
		require.NoError(t, err)
		require.Equal(t, len(rest), bytes.Count(rest, head[4:]))
	}
	writing.Wait()
	idle(t, l)
}

// A small write behind a large one is done when it is sent, not when it is kept.
func TestGather_writersWait(t *testing.T) {
	l, raw, _ := connect(t, overPipe, tls.VersionTLS13)
	large, small := make(chan error, 1), make(chan error, 1)
	write := func(size int, written chan<- error) {
		_, err := l.Write(noise(size))
		written <- err
	}
	go write(40<<10, large)
	require.Eventually(t, func() bool { return raw.writes.Load() == 1 }, 5*time.Second, time.Millisecond)
	go write(1, small)
	select {
	case err := <-small:
		require.Fail(t, "nobody has read it", err)
	case <-time.After(50 * time.Millisecond):
	}
	require.NoError(t, l.Close())
	require.ErrorIs(t, <-large, io.ErrClosedPipe)
	require.Error(t, <-small)
}

// TLS writes on its own when it reads. Here it does so all the time, and under a
// lock as in crypto/tls. The order stays.
func TestGather_order(t *testing.T) {
	below := &sequence{}
	g := &gatherer{Conn: below, buffers: &Buffers{}}
	var (
		out  sync.Mutex
		next uint32
	)
	record := func(size int) {
		out.Lock()
		defer out.Unlock()
		b := make([]byte, size)
		b[0] = 23
		binary.BigEndian.PutUint32(b[1:], uint32(size))
		binary.BigEndian.PutUint32(b[5:], next)
		next++
		if n, err := g.Write(b); n != size || err != nil {
			t.Error(n, err)
		}
	}
	done := make(chan struct{})
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				record(27)
			}
		}
	})
	for range 50 {
		g.start()
		for range 40 {
			record(recordSize + 22)
		}
		require.NoError(t, g.end())
	}
	close(done)
	reading.Wait()
	require.False(t, g.isGathering())

	data := below.data
	for want := range next {
		if got := binary.BigEndian.Uint32(data[5:]); got != want {
			require.Equal(t, want, got)
		}
		data = data[binary.BigEndian.Uint32(data[1:]):]
	}
	assert.Empty(t, data)
}

// A sequence keeps what is written to it.
type sequence struct {
	net.Conn
	data []byte
}

func (s *sequence) Write(b []byte) (int, error) {
	s.data = append(s.data, b...)
	return len(b), nil
}

// A handshake that the peer asks for with TLS 1.2 goes out while a Write waits
// for its end, after what was written before.
func TestGather_anotherHandshake(t *testing.T) {
	below := &sequence{}
	g := &gatherer{Conn: below, buffers: &Buffers{}}
	g.start()
	_, err := g.Write([]byte{23, 1})
	require.NoError(t, err)
	assert.Empty(t, below.data)
	_, err = g.Write([]byte{handshakeRecord, 2})
	require.NoError(t, err)
	assert.Equal(t, []byte{23, 1, handshakeRecord, 2}, below.data)
	_, err = g.Write([]byte{changeCipherSpec, 3})
	require.NoError(t, err)
	large := append([]byte{handshakeRecord}, noise(2*gatherAtMost)...)
	_, err = g.Write(large)
	require.NoError(t, err)
	require.NoError(t, g.end())
	assert.Len(t, below.data, 6+len(large))
}

var errSpoiled = errors.New("spoiled")

// TestGather_fails: the Write tells, also when TLS was done already, and nothing
// is sent on a connection of which nobody knows where it is.
func TestGather_fails(t *testing.T) {
	for name, tt := range map[string]struct {
		size int
		at   int64
		n    int
		err  error
		want error
	}{
		"small":                {1, 1, 0, errSpoiled, errSpoiled},
		"at the end":           {20 << 10, 1, 0, errSpoiled, errSpoiled},
		"in a record":          {20 << 10, 1, 17000, errSpoiled, errSpoiled},
		"in the middle":        {1 << 20, 2, 100, errSpoiled, errSpoiled},
		"in the last":          {1<<20 + 1, 5, 0, errSpoiled, errSpoiled},
		"without a word":       {20 << 10, 1, 17000, nil, io.ErrShortWrite},
		"in the middle, mute":  {1 << 20, 2, 17000, nil, io.ErrShortWrite},
		"the time is up":       {20 << 10, 1, 17000, os.ErrDeadlineExceeded, os.ErrDeadlineExceeded},
		"in the middle, again": {1 << 20, 3, 17000, os.ErrDeadlineExceeded, os.ErrDeadlineExceeded},
	} {
		for v, version := range versions {
			t.Run(name+", "+v, func(t *testing.T) {
				l, raw, peer := connect(t, overTCP, version)
				go func() { _, _ = io.Copy(io.Discard, peer) }()
				raw.spoil = func(write int64, _ []byte) (int, error, bool) {
					return tt.n, tt.err, write == tt.at
				}
				n, err := l.Write(noise(tt.size))
				require.ErrorIs(t, err, tt.want)
				assert.Zero(t, n)
				idle(t, l)

				for _, size := range []int{1, 20 << 10} {
					_, err = l.Write(noise(size))
					require.ErrorIs(t, err, tt.want)
				}
				assert.Equal(t, tt.at, raw.writes.Load(), "nothing follows")
				idle(t, l)
				_ = l.Close() // cannot say goodbye
				_, err = raw.Conn.Write(nil)
				require.ErrorIs(t, err, net.ErrClosed)
			})
		}
	}
}

// stuck is what a Write can be in when the peer does not read.
var stuck = map[string]int{
	"one record":      100,
	"after TLS":       40 << 10,
	"in TLS":          1 << 20,
	"with both full":  16 * recordSize,
	"one beyond full": 16*recordSize + 1,
}

func TestGather_deadline(t *testing.T) {
	for name, size := range stuck {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, _, _ := connect(t, overPipe, tls.VersionTLS13)
				begin := time.Now()
				require.NoError(t, l.SetWriteDeadline(begin.Add(3*time.Second)))
				n, err := l.Write(noise(size))
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
				assert.Zero(t, n)
				assert.Equal(t, 3*time.Second, time.Since(begin))
				idle(t, l)

				require.NoError(t, l.SetWriteDeadline(time.Time{}))
				_, err = l.Write(noise(size))
				require.ErrorIs(t, err, os.ErrDeadlineExceeded, "TLS is broken for good")
			})
		})
	}
}

// A deadline that is set while the Write waits holds for it.
func TestGather_deadlineMeanwhile(t *testing.T) {
	for name, size := range stuck {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, _, _ := connect(t, overPipe, tls.VersionTLS13)
				written := make(chan error, 1)
				go func() {
					_, err := l.Write(noise(size))
					written <- err
				}()
				synctest.Wait()
				require.NoError(t, l.SetDeadline(time.Now()))
				require.ErrorIs(t, <-written, os.ErrDeadlineExceeded)
			})
		})
	}
}

// TestGather_close: closing at any level ends a Write that waits, and waits for
// nothing itself.
func TestGather_close(t *testing.T) {
	for level, closing := range map[string]struct {
		close func(*Conn) error
		want  error
	}{
		"the link":      {(*Conn).Close, io.ErrClosedPipe},
		"TLS":           {func(l *Conn) error { return l.Conn.Close() }, nil},
		"the gatherer":  {func(l *Conn) error { return l.below.Close() }, io.ErrClosedPipe},
		"what is below": {func(l *Conn) error { return l.below.NetConn().Close() }, io.ErrClosedPipe},
	} {
		for name, size := range stuck {
			for v, version := range versions {
				t.Run(level+", "+name+", "+v, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						l, _, _ := connect(t, overPipe, version)
						written := make(chan error, 1)
						go func() {
							_, err := l.Write(noise(size))
							written <- err
						}()
						synctest.Wait()
						begin := time.Now()
						require.NoError(t, closing.close(l))
						err := <-written
						require.Error(t, err)
						if closing.want != nil {
							require.ErrorIs(t, err, closing.want)
						}
						assert.Zero(t, time.Since(begin))
						idle(t, l)
						_, err = l.Write(noise(size))
						require.Error(t, err)
					})
				})
			}
		}
	}
}

// TestGather_goodbye: a connection that is closed in peace says so.
func TestGather_goodbye(t *testing.T) {
	for v, version := range versions {
		t.Run(v, func(t *testing.T) {
			l, _, peer := connect(t, overTCP, version)
			got := make(chan int64, 1)
			go func() {
				n, err := io.Copy(io.Discard, peer)
				assert.NoError(t, err, "close_notify has come")
				got <- n
			}()
			_, err := l.Write(noise(100 << 10))
			require.NoError(t, err)
			require.NoError(t, l.Close())
			assert.EqualValues(t, 100<<10, <-got)
		})
	}
}

// TestGather_reading: TLS answers what it reads with an alert. Neither that nor
// what was read waits for a Write that waits for the network.
func TestGather_reading(t *testing.T) {
	for v, version := range versions {
		t.Run(v, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, raw, peer := connect(t, overPipe, version)
				const size = 40 << 10
				written := make(chan error, 1)
				go func() {
					_, err := l.Write(noise(size))
					written <- err
				}()
				synctest.Wait()
				heard := make(chan error, 1)
				go func() {
					_, err := l.Read(make([]byte, 1))
					heard <- err
				}()
				_, err := peer.NetConn().Write([]byte{23, 3, 3, 0, 20, 19: 0, 24: 0}) // sealed with no key
				require.NoError(t, err)
				require.ErrorContains(t, <-heard, "bad record MAC")
				select {
				case err := <-written:
					require.Fail(t, "still waits", err)
				default:
				}

				_, err = io.CopyN(io.Discard, peer, size)
				require.NoError(t, err)
				_, err = peer.Read(make([]byte, 1))
				require.ErrorContains(t, err, "bad record MAC", "the alert comes after what was before")
				require.NoError(t, <-written)
				assert.EqualValues(t, 2, raw.writes.Load())
				idle(t, l)
			})
		})
	}
}

func TestDialer_bottom(t *testing.T) {
	l, raw, _ := connect(t, overPipe, tls.VersionTLS13)
	var (
		at     net.Conn = l
		levels int
	)
	for {
		above, ok := at.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		at = above.NetConn()
		levels++
	}
	assert.Same(t, raw, at)
	assert.Equal(t, 3, levels)
}

// A link of something else than the dialer's connection writes, too.
func TestConn_withoutGatherer(t *testing.T) {
	_, raw, peer := connect(t, overTCP, tls.VersionTLS13)
	l := &Conn{Conn: raw.Conn}
	n, err := l.Write([]byte("plaintext"))
	require.NoError(t, err)
	assert.Equal(t, 9, n)
	_, err = peer.Read(make([]byte, 1))
	require.Error(t, err)
	require.NoError(t, l.Close())
}

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
//	go test -run '^$' -bench Gather ./forwarder/internal/gather
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
