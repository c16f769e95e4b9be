package receiver

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWebhook_quarantinesWhatCanNeverWork(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(bytes.Repeat([]byte(" "), 3000))
	require.NoError(t, z.Close())
	for name, tt := range map[string]struct {
		body, encoding string
		status         int
		code, message  string
		kept           string
		truncated      bool
	}{
		"no JSON":       {body: `{"a":x}`, status: 400, code: codeBadRequest, message: "not JSON (depth 1) at byte 5", kept: `{"a":x}`},
		"nothing":       {body: ``, status: 400, code: codeBadRequest, message: "unexpected end at byte 0", kept: ``},
		"a bad user id": {body: `{"mpid":"jane@example.com"}`, status: 400, code: codeBadRequest, message: "mpid: not a 64-bit integer at byte 8", kept: `{"mpid":"jane@example.com"}`},
		"too long":      {body: strings.Repeat("x", 1001), status: 413, code: codeTooLarge, message: "more than 1000 bytes", kept: strings.Repeat("x", 1000), truncated: true},
		"a gzip bomb":   {body: zipped.String(), encoding: "gzip", status: 413, code: codeTooLarge, message: "more than 1000 bytes", kept: strings.Repeat(" ", 1000), truncated: true},
		"no gzip":       {body: `{}`, encoding: "gzip", status: 400, code: codeBadRequest, message: "not valid gzip", kept: `{}`},
		"cut gzip":      {body: zipped.String()[:20], encoding: "GZIP", status: 400, code: codeBadRequest, message: "not valid gzip", kept: zipped.String()[:20]},
		"brotli":        {body: `{}`, encoding: "br", status: 415, code: codeEncoding, message: "gzip", kept: `{}`},
		"an alias":      {body: `{"request_type":"alias","data":{}}`, status: 400, code: codeAlias, kept: `{"request_type":"alias","data":{}}`},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, WithLimits(Limits{WebhookBody: 1000, ServerBody: 1000}))
			post := func() *http.Request {
				req := request(http.MethodPost, "/", strings.NewReader(tt.body))
				req.Header.Set("Authorization", hookSecret)
				if tt.encoding != "" {
					req.Header.Set("Content-Encoding", tt.encoding)
				}
				return req
			}
			says(t, do(b.webhook, post()), tt.status, tt.code, tt.message)
			require.Len(t, b.quarantined(), 1)
			q := b.quarantined()[0]
			assert.Equal(t, tt.kept, string(q.Body))
			assert.Equal(t, tt.truncated, q.Truncated)
			assert.Equal(t, "hook", q.Feed)
			assert.Equal(t, Refused, b.lastInfo(t).Outcome)

			// What could not be kept elsewhere is not refused for ever.
			for _, keep := range []Quarantine{
				func(context.Context, Quarantined) error { return errDown },
				func(context.Context, Quarantined) error { panic("jane@example.com") },
			} {
				b.r.options.quarantine = keep
				says(t, do(b.webhook, post()), http.StatusServiceUnavailable, codeUnavailable, "")
				assert.Equal(t, Failed, b.lastInfo(t).Outcome)
				assert.ErrorIs(t, b.lastInfo(t).Err, errQuarantine)
			}
			b.r.options.quarantine = nil
			says(t, do(b.webhook, post()), tt.status, tt.code, tt.message)
			assert.Empty(t, b.all())
			assert.NotContains(t, b.log.String(), "jane")
			assert.Zero(t, b.r.room.bytesInUse.Load())
			assert.Zero(t, b.r.room.requestsNow.Load())
		})
	}
}

func TestWebhook_takesGzip(t *testing.T) {
	b := newBench(t)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(sample))
	require.NoError(t, z.Close())
	req := request(http.MethodPost, "/", &zipped)
	req.Header.Set("Authorization", hookSecret)
	req.Header.Set("Content-Encoding", "gzip")
	says(t, do(b.webhook, req), http.StatusOK, "", "")
	assert.Equal(t, []string{sample}, b.all())
}

func TestWebhook_anyLengthInAnyPieces(t *testing.T) {
	b := newBench(t)
	var want []string
	for _, n := range []int{0, 1, firstRead - 10, firstRead - 9, firstRead, 2 * firstRead, 5 * firstRead} {
		text := `{"a":"` + strings.Repeat("x", n) + `"}`
		want = append(want, text, text)
		says(t, b.hook(text), http.StatusOK, "", "")
		req := request(http.MethodPost, "/", iotest.HalfReader(iotest.DataErrReader(strings.NewReader(text)))) // of no known length
		req.Header.Set("Authorization", hookSecret)
		says(t, do(b.webhook, req), http.StatusOK, "", "")
	}
	assert.Equal(t, want, b.all())
}

func TestWebhook_bodyThatBreaksOffMayComeAgain(t *testing.T) {
	b := newBench(t)
	req := request(http.MethodPost, "/", io.MultiReader(strings.NewReader(`{"a":`), iotest.ErrReader(io.ErrUnexpectedEOF)))
	req.Header.Set("Authorization", hookSecret)
	w := do(b.webhook, req)
	says(t, w, http.StatusServiceUnavailable, codeUnavailable, "")
	assert.Equal(t, "close", w.Header().Get("Connection"))
	assert.Empty(t, b.quarantined())
}
