package forwarder

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// The producer counts its retries: they must outlast an outage of six hours.
func TestRetries_outlastSixHours(t *testing.T) {
	var all time.Duration
	for attempt := 1; attempt <= retries; attempt++ {
		d := pause(attempt, retries)
		assert.LessOrEqual(t, d, 5*time.Second, "how long it may take to notice that all is well again")
		all += d
	}
	assert.Greater(t, all, 6*time.Hour)
	assert.Less(t, pause(1, retries), time.Second)
}
