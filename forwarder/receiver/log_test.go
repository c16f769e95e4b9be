package receiver

import (
	"bytes"
	"crypto/tls"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLog_oneLineForEachCause(t *testing.T) {
	b := newBench(t)
	for range 10 {
		b.hook(`{"mpid":1.5}`)
		b.hook(`{"request_type":"alias"}`)
	}
	assert.Equal(t, 2, strings.Count(b.log.String(), "\n"))
	assert.NotContains(t, b.log.String(), "not_logged", "there is nothing else to tell")
	b.clock = b.clock.Add(logInterval)
	b.hook(`{"mpid":1.5}`)
	assert.Equal(t, 3, strings.Count(b.log.String(), "\n"))
	assert.Contains(t, b.log.String(), "not_logged=9")
}

// Only a line about one of several batches has an index.
func TestLog_index(t *testing.T) {
	b := newBench(t)
	b.hook(`[{"mpid":1.5}]`)
	assert.Contains(t, b.log.String(), "index=0")
	b = newBench(t)
	do(b.webhook, request(http.MethodGet, "/webhook", nil))
	assert.Contains(t, b.log.String(), "receiver: not kept")
	assert.NotContains(t, b.log.String(), "index=")
}

// A post to a path that is no door's, as by a mistake in a URL, is in the log, without
// the path, which is the client's to write.
func TestLog_tellsOfOtherPaths(t *testing.T) {
	b := newBench(t)
	server, err := b.r.Server(":1", &tls.Config{})
	require.NoError(t, err)
	says(t, do(server.Handler, request(http.MethodGet, "/jane", nil)), http.StatusNotFound, codeNotFound, "")
	assert.Empty(t, b.log.String(), "somebody only looks")
	for range 2 {
		req := request(http.MethodPost, "/webhook/jane", bytes.NewBufferString(`{}`))
		req.RemoteAddr = "10.1.2.3:4711"
		says(t, do(server.Handler, req), http.StatusNotFound, codeNotFound, "")
	}
	assert.Equal(t, 1, strings.Count(b.log.String(), "\n"), "one line in 30 seconds: %s", &b.log)
	assert.Contains(t, b.log.String(), ` msg="receiver: not kept" door="" remote=10.1.2.3:4711 outcome=failed status=404 code=NOT_FOUND `)
	assert.Contains(t, b.log.String(), `err="receiver: a path that is no door's: correct the URL"`)
	assert.NotContains(t, b.log.String(), "jane")
}
