package doors

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/receiver"
)

// The types of HTTP/2's frames (RFC 9113, section 6), and flags.
const (
	frameHeaders     = 1
	frameRSTStream   = 3
	frameSettings    = 4
	frameGoAway      = 7
	flagAck          = 1
	flagEndStream    = 1
	flagEndOfHeaders = 4
)

// A frames is an HTTP/2 connection of which every byte is ours: the client of package
// net/http keeps the rules.
type frames struct {
	conn *tls.Conn
	r    *bufio.Reader
	w    *bufio.Writer
}

func (h *house) frames(t *testing.T) *frames {
	t.Helper()
	config := h.roots.Clone()
	config.NextProtos = []string{"h2"}
	c, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", h.addr)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	conn, ok := c.(*tls.Conn)
	require.True(t, ok)
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	require.Equal(t, "h2", conn.ConnectionState().NegotiatedProtocol)
	f := &frames{conn, bufio.NewReader(conn), bufio.NewWriter(conn)}
	_, _ = f.w.WriteString("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") // an error comes with Flush
	f.write(frameSettings, 0, 0, nil)
	require.NoError(t, f.w.Flush())
	kind, _, _ := f.read()
	require.Equal(t, byte(frameSettings), kind)
	f.write(frameSettings, flagAck, 0, nil)
	require.NoError(t, f.w.Flush())
	return f
}

// write adds a frame to those that Flush sends.
func (f *frames) write(kind, flags byte, stream uint32, payload []byte) {
	head := []byte{0, byte(len(payload) >> 8), byte(len(payload)), kind, flags} //nolint:gosec // short
	_, _ = f.w.Write(append(binary.BigEndian.AppendUint32(head, stream), payload...))
}

// read returns the next frame, and kind 255 at the end of the connection.
func (f *frames) read() (kind, flags byte, stream uint32) {
	var head [9]byte
	if _, err := io.ReadFull(f.r, head[:]); err != nil {
		return 255, 0, 0
	}
	n := int64(head[0])<<16 | int64(head[1])<<8 | int64(head[2])
	if _, err := io.CopyN(io.Discard, f.r, n); err != nil {
		return 255, 0, 0
	}
	return head[3], head[4], binary.BigEndian.Uint32(head[5:]) & (1<<31 - 1)
}

// post opens a stream with the headers of a post whose body is to follow.
func (f *frames) post(stream uint32) {
	var block []byte
	for _, field := range [][2]string{
		{":method", "POST"}, {":scheme", "https"}, {":authority", "door"}, {":path", "/webhook"}, {"authorization", hookSecret},
	} {
		block = append(block, 0, byte(len(field[0]))) // a literal, not indexed (RFC 7541, section 6.2.2)
		block = append(block, field[0]...)
		block = append(block, byte(len(field[1])))
		block = append(block, field[1]...)
	}
	f.write(frameHeaders, flagEndOfHeaders, stream, block)
}

// Of a thousand streams that are opened at once on a connection a hundred get a
// handler; the others are refused.
func TestAttack_thousandStreamsAtOnce(t *testing.T) {
	const streams, most = 1000, 100
	h := open(t, nil, nil, receiver.WithDeadline(time.Second))
	f := h.frames(t)
	for i := range uint32(streams) {
		f.post(2*i + 1)
	}
	require.NoError(t, f.w.Flush())
	refused, answered := 0, 0
	for kind := byte(0); kind != 255 && refused+answered < streams; {
		var flags byte
		switch kind, flags, _ = f.read(); {
		case kind == frameRSTStream:
			refused++
		case kind == frameHeaders && flags&flagEndStream == 0:
			answered++ // 503 with a text: its body did not come in time. The connection ends then
		}
	}
	assert.GreaterOrEqual(t, refused, streams-most)
	assert.LessOrEqual(t, answered, most)
	assert.Positive(t, answered)
	h.stillServes(t)
}

// Streams that are reset as soon as they are opened (CVE-2023-44487) do not pile up
// handlers: no more run at once than a connection may have streams, and a client that
// does not stop is shut out.
func TestAttack_rapidReset(t *testing.T) {
	const connections, streams, most = 4, 20_000, 100
	h := open(t, nil, nil)
	h.stillServes(t)
	before := runtime.NumGoroutine()
	var highest, ended atomic.Int64
	watching, stop := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watching)
		for {
			highest.Store(max(highest.Load(), int64(runtime.NumGoroutine())))
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	var attacks sync.WaitGroup
	for range connections {
		f := h.frames(t)
		attacks.Go(func() {
			for kind := byte(0); kind != 255 && kind != frameGoAway; {
				kind, _, _ = f.read()
			}
			ended.Add(1)
			_ = f.conn.Close() // the writer below ends
		})
		attacks.Go(func() {
			cancel := []byte{0, 0, 0, 8}
			for i := range uint32(streams) {
				f.post(2*i + 1)
				f.write(frameRSTStream, 0, 2*i+1, cancel)
				if f.w.Flush() != nil {
					return // shut out
				}
			}
			_ = f.conn.Close()
		})
	}
	attacks.Wait()
	close(stop)
	<-watching
	const ours = 3 // goroutines for each connection, and the watch
	assert.LessOrEqual(t, highest.Load(), int64(before+connections*(most+2*ours)+2*ours))
	h.stillServes(t)
	eventually(t, func() bool { return runtime.NumGoroutine() <= before+2*ours }, "handlers end")
	assert.Equal(t, int64(connections), ended.Load())
	for _, m := range h.kafka.Messages(t, "events") {
		assert.Equal(t, good, string(m.Value))
	}
}

func TestAttack_streams(t *testing.T) {
	h := open(t, nil, nil)
	resp, err := h.client.Get(h.url + "/webhook") //nolint:noctx // says which protocol is spoken
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, 2, resp.ProtoMajor)

	var posts sync.WaitGroup
	for i := range 1000 {
		posts.Go(func() {
			ctx := t.Context()
			if i%2 == 0 { // reset as soon as it is sent
				var cancel context.CancelFunc
				ctx, cancel = context.WithCancel(ctx)
				time.AfterFunc(time.Duration(i%10)*time.Millisecond, cancel)
			}
			status := h.hook(ctx, good)
			assert.Contains(t, []int{0, http.StatusOK, http.StatusServiceUnavailable}, status)
		})
	}
	posts.Wait()
	h.stillServes(t)
}
