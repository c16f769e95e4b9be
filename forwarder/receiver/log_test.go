package receiver

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
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
