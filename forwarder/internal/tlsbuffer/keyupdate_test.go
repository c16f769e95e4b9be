package tlsbuffer

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestGather_keyUpdate: a peer asks for new keys again and again while requests
// are on their way. crypto/tls answers from inside of Read, and all after
// its answer is sealed with the new key: one record in the wrong place, and the
// peer can read nothing any more.
func TestGather_keyUpdate(t *testing.T) {
	var secrets bytes.Buffer
	cert, trusted := selfSigned(t)
	l, _, server := connectWith(t, overTCP, &tls.Config{RootCAs: trusted, ServerName: "127.0.0.1"}, &tls.Config{
		Certificates:           []tls.Certificate{cert},
		MinVersion:             tls.VersionTLS13,
		SessionTicketsDisabled: true, // so that the peer's first record is the server's first, too
		KeyLogWriter:           &secrets,
	})
	if server.ConnectionState().CipherSuite != tls.TLS_AES_128_GCM_SHA256 {
		t.Skip("crypto/tls prefers another cipher on this machine, which the test does not know")
	}
	peer := &records{conn: server.NetConn()}
	peer.in.rekey(t, secretOf(t, secrets.String(), "CLIENT_TRAFFIC_SECRET_0"))
	peer.out.rekey(t, secretOf(t, secrets.String(), "SERVER_TRAFFIC_SECRET_0"))

	// Requests that TLS is done with while the network still is not: that is when
	// it can answer. Between them, too.
	const requests, size = 100, 200 << 10
	want := noise(size)
	reading := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, l)
		reading <- err
	}()
	written := make(chan error, 1)
	go func() {
		for range requests {
			if _, err := l.Write(want); err != nil {
				written <- err
				return
			}
		}
		written <- nil
	}()

	updates := 0
	for got, n := 0, 0; got < requests*size; n++ {
		if n%5 == 0 {
			peer.write(t, 22, []byte{24, 0, 0, 1, 1}) // key_update, update_requested
			peer.out.next(t)
			peer.write(t, 23, []byte{0, 0, 0, 4}) // too many updates without data are an error
		}
		kind, data, err := peer.read()
		require.NoError(t, err)
		if kind == 22 {
			require.Equal(t, []byte{24, 0, 0, 1, 0}, data)
			peer.in.next(t)
			updates++
			continue
		}
		require.Equal(t, byte(23), kind)
		at := got % size
		require.LessOrEqual(t, at+len(data), size)
		require.True(t, bytes.Equal(want[at:at+len(data)], data))
		got += len(data)
	}
	require.NoError(t, <-written)
	assert.Greater(t, updates, 10)
	idle(t, l)
	l.Close()
	require.Error(t, <-reading) // not always that it is closed: there may be an update to answer
}

func secretOf(t *testing.T, log, label string) []byte {
	t.Helper()
	for line := range strings.Lines(log) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == label {
			secret, err := hex.DecodeString(f[2])
			require.NoError(t, err)
			return secret
		}
	}
	require.Fail(t, "no secret", label)
	return nil
}

// records reads and writes records of TLS 1.3 with TLS_AES_128_GCM_SHA256, as
// RFC 8446, section 5 says. crypto/tls asks for no keys, so this does.
type records struct {
	conn    net.Conn
	in, out sealed
}

type sealed struct {
	secret []byte
	aead   cipher.AEAD
	iv     []byte
	count  uint64
}

func (s *sealed) rekey(t *testing.T, secret []byte) {
	t.Helper()
	block, err := aes.NewCipher(expand(t, secret, "key", 16))
	require.NoError(t, err)
	aead, err := cipher.NewGCM(block)
	require.NoError(t, err)
	*s = sealed{secret: secret, aead: aead, iv: expand(t, secret, "iv", 12)}
}

func (s *sealed) next(t *testing.T) {
	t.Helper()
	s.rekey(t, expand(t, s.secret, "traffic upd", sha256.Size))
}

func (s *sealed) nonce() []byte {
	nonce := bytes.Clone(s.iv)
	last := nonce[len(nonce)-8:]
	binary.BigEndian.PutUint64(last, binary.BigEndian.Uint64(last)^s.count)
	s.count++
	return nonce
}

// expand is HKDF-Expand-Label without a context.
func expand(t *testing.T, secret []byte, label string, size int) []byte {
	t.Helper()
	info := fmt.Sprintf("\x00%c%c%s\x00", size, len("tls13 "+label), "tls13 "+label)
	key, err := hkdf.Expand(sha256.New, secret, info, size)
	require.NoError(t, err)
	return key
}

func (r *records) read() (kind byte, data []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r.conn, head[:]); err != nil {
		return 0, nil, err
	}
	body := make([]byte, binary.BigEndian.Uint16(head[3:]))
	if _, err := io.ReadFull(r.conn, body); err != nil {
		return 0, nil, err
	}
	open, err := r.in.aead.Open(body[:0], r.in.nonce(), body, head[:])
	if err != nil {
		return 0, nil, err
	}
	open = bytes.TrimRight(open, "\x00") // padding, which crypto/tls has not
	if len(open) == 0 {
		return 0, nil, errors.New("a record without a type")
	}
	return open[len(open)-1], open[:len(open)-1], nil
}

func (r *records) write(t *testing.T, kind byte, data []byte) {
	t.Helper()
	inner := append(bytes.Clone(data), kind)
	head := []byte{23, 3, 3, 0, byte(len(inner) + r.out.aead.Overhead())}
	_, err := r.conn.Write(r.out.aead.Seal(head, r.out.nonce(), inner, head))
	require.NoError(t, err)
}
