package tlsbuffer

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
	require.Eventually(t, func() bool { return raw.writes.Load() == 1 }, time.Minute, time.Millisecond)
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
