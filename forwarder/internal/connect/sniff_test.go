package connect

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
)

// A readingConn is a connection that only reads.
type readingConn struct {
	net.Conn
	io.Reader
}

func (c readingConn) Read(b []byte) (int, error) { return c.Reader.Read(b) }

func TestSniffedConn_keepsTheFirstBytes(t *testing.T) {
	answer := append([]byte{0, 0, 0, 4}, bytes.Repeat([]byte{7}, 3*maxReceived)...)
	c := &sniffedConn{Conn: readingConn{Reader: bytes.NewReader(answer)}}
	read, err := io.ReadAll(c)
	assert.NoError(t, err)
	assert.Equal(t, answer, read)
	assert.Equal(t, answer[:maxReceived], c.received)
}

// A connection that lasts keeps no more than it looks at.
func TestSniffedConn_keepsTheHeadOnly(t *testing.T) {
	answer := append([]byte{0, 0, 0, 4}, bytes.Repeat([]byte{7}, 100)...)
	c := &sniffedConn{Conn: readingConn{Reader: iotest.OneByteReader(bytes.NewReader(answer))}, headOnly: true}
	read, err := io.ReadAll(c)
	assert.NoError(t, err)
	assert.Equal(t, answer, read)
	assert.Equal(t, answer[:headOfAnswer], c.received)
}

// TestSniffedConn_refusesOtherProtocols: the first four bytes are a size.
func TestSniffedConn_refusesOtherProtocols(t *testing.T) {
	for first, foreign := range map[string]bool{
		"HTTP/1.1": true, "\x00\x00\x00\x03": true, "\x01\x00\x00\x01": true,
		"\x00\x00\x00\x04": false, "\x01\x00\x00\x00": false, "HTT": false,
	} {
		c := &sniffedConn{Conn: readingConn{Reader: strings.NewReader(first)}}
		n, err := c.Read(make([]byte, 8))
		if !foreign {
			assert.NoError(t, err, "%q", first)
			continue
		}
		assert.Zero(t, n, "%q", first)
		want := errNotKafka
		if strings.HasPrefix(first, "HTTP") {
			want = errHTTP
		}
		assert.Equal(t, want, err, "%q", first)
		_, err = c.Read(make([]byte, 8))
		assert.Equal(t, want, err, "%q, again", first)
	}
}

// A writingConn takes all that is written.
type writingConn struct{ readingConn }

func (writingConn) Write(b []byte) (int, error) { return len(b), nil }

// TestSniffedConn_refusesEchoes: the first answer is to the first request.
func TestSniffedConn_refusesEchoes(t *testing.T) {
	const first, second = "\x00\x00\x00\x08\x00\x12\x00\x03\x00\x00\x00\x07", "\x00\x00\x00\x08\x00\x03\x00\x05\x00\x00\x00\x08"
	for received, want := range map[string]error{
		first: errEcho, "\x00\x00\x00\x04\x00\x00\x00\x07": nil, "\x00\x00\x00\x04\x00\x00\x00\x08": errEcho, "\x00\x00\x00\x04\x00\x00": nil,
	} {
		c := &sniffedConn{Conn: writingConn{readingConn{Reader: strings.NewReader(received)}}, headOnly: true}
		for _, request := range []string{first, second} {
			_, err := c.Write([]byte(request))
			assert.NoError(t, err)
		}
		_, err := c.Read(make([]byte, 12))
		assert.Equal(t, want, err, "%q", received)
	}
}

// TestSniffedConn_mechanisms reads answers to SaslHandshake: size, correlation
// id, error code, number of mechanisms, and each with its length.
func TestSniffedConn_mechanisms(t *testing.T) {
	const (
		versions = "\x00\x00\x00\x04\x00\x00\x00\x01" // an answer before it
		refused  = "\x00\x00\x00\x02\x00\x21\x00\x00\x00\x02"
	)
	for name, tc := range map[string]struct {
		received string
		want     []string
	}{
		"two":               {versions + "\x00\x00\x00\x12" + refused + "\x00\x01A\x00\x03BCD", []string{"A", "BCD"}},
		"an empty one":      {"\x00\x00\x00\x0f" + refused + "\x00\x01A\x00\x00", []string{"A", ""}},
		"none":              {"\x00\x00\x00\x0a" + refused, nil},
		"another error":     {"\x00\x00\x00\x0d\x00\x00\x00\x02\x00\x22\x00\x00\x00\x01\x00\x01A", nil},
		"an answer behind":  {"\x00\x00\x00\x0d" + refused + "\x00\x01A" + versions, nil},
		"an answer cut off": {"\x00\x00\x00\x0e" + refused + "\x00\x01A", nil},
		"a name cut off":    {"\x00\x00\x00\x0d" + refused + "\x00\x02A", nil},
		"a byte behind":     {"\x00\x00\x00\x0e" + refused + "\x00\x01A\x00", []string{"A"}},
		"too short":         {"\x00\x00\x00\x09" + refused[:9], nil},
		"nothing":           {"", nil},
	} {
		assert.Equal(t, tc.want, (&sniffedConn{received: []byte(tc.received)}).mechanisms(), name)
	}
}
