package doors

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/receiver"
)

const good = `{"mpid":7,"events":[]}`

// stillServes fails the test if a good post is not accepted any more.
func (h *house) stillServes(t *testing.T) {
	t.Helper()
	eventually(t, func() bool { return h.hook(t.Context(), good) == http.StatusOK }, "a good post is accepted")
}

// raw opens a TLS connection and writes text to it.
func (h *house) raw(t *testing.T, text string) *tls.Conn {
	t.Helper()
	config := h.roots.Clone()
	config.NextProtos = []string{"http/1.1"}
	c, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", h.addr)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	conn, ok := c.(*tls.Conn)
	require.True(t, ok)
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	_, _ = io.WriteString(conn, text) // on a busy machine the server may have given up
	return conn
}

func postHead(headers string) string {
	return "POST /webhook HTTP/1.1\r\nHost: door\r\nAuthorization: " + hookSecret + "\r\n" + headers + "\r\n"
}

// answer reads an answer. Its status is 0 when the connection ends before.
func readAnswer(c io.Reader) (status int, closed bool) {
	r, ok := c.(*bufio.Reader)
	if !ok {
		r = bufio.NewReader(c)
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return 0, true
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp.StatusCode, resp.Close
}

func TestAttack_slowHeaders(t *testing.T) {
	h := open(t, nil, func(s *http.Server) { s.ReadHeaderTimeout = 100 * time.Millisecond })
	var attacks []*tls.Conn
	for range 20 {
		attacks = append(attacks, h.raw(t, "POST /webhook HTTP/1.1\r\nHost: d"))
	}
	for _, c := range attacks {
		_, err := c.Read(make([]byte, 1))
		assert.Error(t, err, "the server ends the connection")
	}
	h.stillServes(t)
}

// A connection on which TLS does not begin ends.
func TestAttack_noHandshake(t *testing.T) {
	h := open(t, nil, func(s *http.Server) { s.ReadHeaderTimeout = 100 * time.Millisecond })
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "tcp", h.addr)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
	_, err = c.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	h.stillServes(t)
}

// Those without credentials cannot hold a connection by a body that does not come,
// even where the server has no time-outs.
func TestAttack_slowBodyWithoutCredentials(t *testing.T) {
	h := open(t, nil, func(s *http.Server) { s.ReadHeaderTimeout, s.ReadTimeout, s.WriteTimeout, s.IdleTimeout = 0, 0, 0, 0 },
		receiver.WithDeadline(200*time.Millisecond))
	for _, head := range []string{"POST /webhook HTTP/1.1", "POST /v2/events HTTP/1.1"} {
		c := h.raw(t, head+"\r\nHost: door\r\nContent-Length: 1000\r\n\r\n{")
		r := bufio.NewReader(c)
		status, _ := readAnswer(r)
		assert.Equal(t, http.StatusUnauthorized, status)
		_, err := r.ReadByte()
		assert.ErrorIs(t, err, io.EOF, "the server ends the connection")
	}
	h.stillServes(t)
}

func TestAttack_slowBody(t *testing.T) {
	h := open(t, nil, nil, receiver.WithDeadline(200*time.Millisecond))
	for _, headers := range []string{"Content-Length: 1000\r\n", "Content-Length: 1073741824\r\n", "Transfer-Encoding: chunked\r\n"} {
		status, closed := readAnswer(h.raw(t, postHead(headers)+"3e8\r\n{"))
		assert.Equal(t, http.StatusServiceUnavailable, status)
		assert.True(t, closed)
	}
	h.stillServes(t)
}

func TestAttack_bodies(t *testing.T) {
	h := open(t, nil, nil)
	h.stillServes(t)
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	zeros := make([]byte, 1<<20)
	for range 200 {
		_, err := z.Write(zeros)
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())

	before := allocated()
	for _, a := range []struct {
		name, headers string
		body          []byte
		status        []int // 0: none, since the connection ended with bytes unread
	}{
		{"a gzip bomb", fmt.Sprintf("Content-Encoding: gzip\r\nContent-Length: %d\r\n", bomb.Len()), bomb.Bytes(), []int{413}},
		{"1 GB announced, and sent for a while", "Content-Length: 1073741824\r\n", make([]byte, 8<<20+1), []int{413}},
		{"more than can be", "Content-Length: 99999999999999999999\r\n", nil, []int{400}},
		{"two lengths", "Content-Length: 2\r\nContent-Length: 3\r\n", []byte("{}"), []int{400}},
		{"a chunk of no length", "Transfer-Encoding: chunked\r\n", []byte("zz\r\n{}\r\n"), []int{503}},
		{"a chunk of too many digits", "Transfer-Encoding: chunked\r\n", []byte("fffffffffffffffff\r\n{}\r\n"), []int{503}},
		{"an endless chunk extension", "Transfer-Encoding: chunked\r\n", []byte("2;" + strings.Repeat("x", 100_000)), []int{503, 0}},
		{"a chunk of a negative length", "Transfer-Encoding: chunked\r\n", []byte("-2\r\n{}\r\n0\r\n\r\n"), []int{503}},
		{"a chunk longer than it says", "Transfer-Encoding: chunked\r\n", []byte("2\r\n{}}\r\n0\r\n\r\n"), []int{503}},
		{"trailers without end", "Transfer-Encoding: chunked\r\n", []byte("2\r\n{}\r\n0\r\n" + strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", 40)), []int{503, 0}},
		{"a length and chunks", "Content-Length: 22\r\nTransfer-Encoding: chunked\r\n", []byte("0\r\n\r\n" + "POST /webhook HTTP/1.1\r\nX: " + good), []int{400}},
		{"chunks twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", []byte("2\r\n{}\r\n0\r\n\r\n"), []int{400, 501}},
		{"a length with a sign", "Content-Length: +2\r\n", []byte("{}"), []int{400}},
		{"a header that folds", "X: a\r\n b\r\nContent-Length: 0\r\n", nil, []int{400}},
		{"no name of a header", ": a\r\nContent-Length: 0\r\n", nil, []int{400}},
		{"two hosts", "Host: other\r\nContent-Length: 0\r\n", nil, []int{400}},
		{"another encoding of the transfer", "Transfer-Encoding: gzip\r\n", nil, []int{501, 400}},
		{"headers without end", strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", 40), nil, []int{431, 0}},
	} {
		t.Run(a.name, func(t *testing.T) {
			c := h.raw(t, postHead(a.headers))
			_, _ = c.Write(a.body) // the server may have answered before all of it
			status, _ := readAnswer(c)
			assert.Contains(t, a.status, status)
		})
	}
	// Each may have had a body of the limit in doubling pieces, and the client's own.
	assert.Less(t, allocated()-before, uint64(200<<20))
	h.stillServes(t)
	for _, m := range h.kafka.Messages(t, "events") {
		assert.Equal(t, good, string(m.Value))
	}
}

// A body of 4 MB is read to its end although a quarter of it is too much, so that
// clients which do not read before they have written get their answer.
func TestAttack_fourMegabytes(t *testing.T) {
	h := open(t, nil, nil)
	status, text := h.sdk(t.Context(), "/v2/events", strings.Repeat(" ", 4_000_000))
	assert.Equal(t, http.StatusRequestEntityTooLarge, status)
	assert.Contains(t, text, "more than 1048576 bytes")
	status, text = h.sdk(t.Context(), "/v2/bulkevents", strings.Repeat(" ", 4_000_000))
	assert.Equal(t, http.StatusRequestEntityTooLarge, status, text)
	h.stillServes(t)
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// Bodies that stop half way take no more memory than the limit, and the posts that
// find no room may come again.
func TestAttack_manyLargeBodies(t *testing.T) {
	const body, flight, clients = 1 << 20, 4 << 20, 16
	h := open(t, nil, nil, receiver.WithLimits(receiver.Limits{WebhookBody: body, BytesInFlight: flight}))
	overloaded := func() (n int) {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, info := range h.infos {
			if info.Err != nil && strings.Contains(info.Err.Error(), "in flight") && info.Status == http.StatusServiceUnavailable {
				n++
			}
		}
		return n
	}
	var attacks sync.WaitGroup
	ended := make(chan struct{})
	for range clients {
		c := h.raw(t, postHead(fmt.Sprintf("Content-Length: %d\r\n", body)))
		attacks.Go(func() {
			_, _ = c.Write(make([]byte, body-1000)) // the server may have answered before all of it
			<-ended
			c.Close()
		})
	}
	eventually(t, func() bool { return overloaded() >= clients-2*flight/body }, "no more than the limit has room")
	close(ended)
	attacks.Wait()
	h.stillServes(t)
}

// Wrong credentials are answered before the body is read.
func TestAttack_wrongSecrets(t *testing.T) {
	h := open(t, nil, nil)
	for range 20 {
		c := h.raw(t, "POST /webhook HTTP/1.1\r\nHost: door\r\nAuthorization: Bearer guess\r\nContent-Length: 4000000\r\n\r\n")
		status, _ := readAnswer(c)
		assert.Equal(t, http.StatusUnauthorized, status)
	}
	assert.Empty(t, h.kafka.Messages(t, "events"))
}

func TestAttack_credentialsInTheBody(t *testing.T) {
	h := open(t, nil, nil)
	const secret = "us1-not-for-kafka"
	for _, body := range []string{
		`{"mpid":1,"api_key":"` + secret + `","events":[]}`,
		`{"mpid":1,"api\u005fkey":"` + secret + `","api_keys":["` + secret + `"],"api_key":{"a":"` + secret + `"}}`,
	} {
		status, text := h.sdk(t.Context(), "/v2/events", body)
		require.Equal(t, http.StatusAccepted, status, text)
		status, text = h.sdk(t.Context(), "/v2/bulkevents", "["+body+"]")
		require.Equal(t, http.StatusAccepted, status, text)
	}
	messages := h.kafka.Messages(t, "events")
	require.Len(t, messages, 4)
	for _, m := range messages {
		assert.NotContains(t, string(m.Value), secret)
		assert.Equal(t, "1", forwardertest.Member("mpid")(m))
	}
}

// A request in clear on the TLS port gets nowhere, and an old version neither.
func TestAttack_inClearAndOldTLS(t *testing.T) {
	h := open(t, nil, nil)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+h.addr+"/webhook", strings.NewReader(good))
	require.NoError(t, err)
	req.Header.Set("Authorization", hookSecret)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	resp.Body.Close()
	assert.Equal(t, http.StatusBadRequest, resp.StatusCode)

	config := h.roots.Clone()
	config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 //nolint:gosec // to be refused
	_, err = (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", h.addr)
	assert.Error(t, err)
	assert.Empty(t, h.kafka.Messages(t, "events"))
}

// Nothing runs on once server and forwarder are closed, outcomes without a waiter
// included.
func TestDoors_leaveNothingRunning(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("a house", func(t *testing.T) {
		h := open(t, nil, nil, receiver.WithDeadline(200*time.Millisecond))
		h.stillServes(t)
		silent := h.kafka.Silence()
		for i := range 5 {
			status := h.hook(t.Context(), fmt.Sprintf(`{"mpid":%d,"message_id":"m-%d"}`, i+1, i))
			assert.Equal(t, http.StatusServiceUnavailable, status)
		}
		silent.Stop()
	})
	eventually(t, func() bool { return runtime.NumGoroutine() <= before+2 }, "goroutines end") // one of go-metrics stays for ever, one asks this
}
