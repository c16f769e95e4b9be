package machinelock_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/machinelock"
)

func TestLock(t *testing.T) {
	var inside atomic.Int32
	for range 3 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			machinelock.Lock(t)
			assert.EqualValues(t, 1, inside.Add(1))
			<-time.After(20 * time.Millisecond) // for another to come in, if anything lets it
			inside.Add(-1)
		})
	}
}
