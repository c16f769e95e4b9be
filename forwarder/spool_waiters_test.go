package forwarder

import (
	"testing"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Of two that wait for a stored batch again, the one that gives up leaves the other
// waiting; behind the last one nothing is kept of the batch.
func TestSpoolUse_twoWaitAgain(t *testing.T) {
	u := &spoolUse{
		waiting: map[uint64]*storedBatch{}, gathered: map[uint64]*gathering{}, left: map[uint64]weak.Pointer[storedBatch]{},
	}
	for name, number := range map[string]uint64{"by itself": 7, "in a window": 9} {
		t.Run(name, func(t *testing.T) {
			k := &storedBatch{first: 7, number: number, reported: true}
			g := &gathering{}
			u.gathered[9] = g
			told := func() bool { return u.waiting[7] == k || len(g.waiting) == 1 && g.waiting[0] == k }
			require.True(t, u.enter(k))
			require.True(t, u.enter(k))
			u.exit(k)
			assert.True(t, told())
			u.exit(k)
			assert.Empty(t, u.waiting)
			assert.Empty(t, g.waiting)
		})
	}
}
