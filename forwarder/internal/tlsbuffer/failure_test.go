package tlsbuffer

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var errSpoiled = errors.New("spoiled")

// TestGather_fails: the Write tells, also when TLS was done already, and nothing
// is sent on a connection whose position is not known.
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
