package receiver

import (
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
	b.clock = b.clock.Add(logInterval)
	b.hook(`{"mpid":1.5}`)
	assert.Equal(t, 3, strings.Count(b.log.String(), "\n"))
	assert.Contains(t, b.log.String(), "not_logged=9")
}
