package connect

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An answer is returned if it is for the request, and no larger than it may be.
func TestAsk(t *testing.T) {
	for name, c := range map[string]struct {
		answer []byte
		want   string
		odd    bool
	}{
		"an answer":               {[]byte{0, 0, 0, 6, 0, 0, 0, 1, 'o', 'k'}, "ok", false},
		"nothing":                 {[]byte{0, 0, 0, 4, 0, 0, 0, 1}, "", false},
		"as large as it may be":   {[]byte{0, 0, 0, 7, 0, 0, 0, 1, 'y', 'e', 's'}, "yes", false},
		"too large":               {[]byte{0, 0, 0, 8, 0, 0, 0, 1}, "", true},
		"gigabytes":               {[]byte{0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1}, "", true},
		"a negative size":         {[]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1}, "", true},
		"no room for a header":    {[]byte{0, 0, 0, 3, 0, 0, 0, 1}, "", true},
		"the answer to something": {[]byte{0, 0, 0, 6, 0, 0, 0, 2, 'o', 'k'}, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			near, far := net.Pipe()
			defer far.Close()
			b := &Broker{held: &heldConn{Conn: near, writeTimeout: time.Minute}, clientID: "me", readTimeout: time.Minute}
			request := make(chan []byte, 1)
			go func() {
				var size [4]byte
				_, _ = io.ReadFull(far, size[:])
				got := make([]byte, binary.BigEndian.Uint32(size[:]))
				_, _ = io.ReadFull(far, got)
				request <- got
				_, _ = far.Write(c.answer)
			}()
			answer, err := b.Ask(1, 4, []byte("body"), 3)
			assert.Equal(t, []byte{0, 1, 0, 4, 0, 0, 0, 1, 0, 2, 'm', 'e', 'b', 'o', 'd', 'y'}, <-request)
			if c.odd {
				assert.ErrorIs(t, err, errOddAnswer)
			} else {
				require.NoError(t, err)
				assert.Equal(t, c.want, string(answer))
			}
			require.NoError(t, near.Close())
		})
	}
}

// A broker that does not answer is waited for as long as for any answer.
func TestAsk_noAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		b := &Broker{held: &heldConn{Conn: near}, readTimeout: time.Minute}
		go func() { _, _ = io.Copy(io.Discard, far) }()
		start := time.Now()
		_, err := b.Ask(1, 4, nil, 3)
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
		assert.Equal(t, time.Minute, time.Since(start))
		require.NoError(t, far.Close())
	})
}
