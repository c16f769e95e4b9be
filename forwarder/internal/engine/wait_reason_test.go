package engine

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// What is tried next depends on whether there is a connection.
func TestWaitReason(t *testing.T) {
	const connecting, sending = "connecting to broker 0 at b0:9093", "sending to broker 0 at b0:9093"
	for name, c := range map[string]struct {
		conn   brokerConn
		broken bool
		cause  error
		next   string
	}{
		"no connection yet":   {nil, false, nil, connecting},
		"connected":           {&instantConn{}, false, nil, sending},
		"not reached":         {nil, false, io.EOF, connecting},
		"connection lost":     {&instantConn{}, true, io.EOF, connecting},
		"throttled, or again": {&instantConn{}, false, io.EOF, sending},
	} {
		e, p, w := ledBy()
		w.conn, w.broken, w.cause = c.conn, c.broken, c.cause
		next, cause := e.waitReasonLocked(p, time.Now())
		assert.Equal(t, c.next, next, name)
		assert.Equal(t, c.cause, cause, name)
	}
}
