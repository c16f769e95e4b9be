package watch

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// Each kind of cause is due once in half a minute, and nothing is kept for longer.
func TestCauseLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l CauseLog
		refused := errors.New("wrong password")
		for round := range 3 {
			assert.True(t, l.Due(refused), "round %d", round)
			assert.False(t, l.Due(fmt.Errorf("b2:9093: %w", refused)), "the same kind")
			assert.True(t, l.Due(errors.New("expired")))
			<-time.After(repeatAfter - 1)
			assert.False(t, l.Due(refused))
			<-time.After(1)
		}
		assert.True(t, l.Due(errors.New("another")))
		assert.Len(t, l.last, 1)
	})
}
