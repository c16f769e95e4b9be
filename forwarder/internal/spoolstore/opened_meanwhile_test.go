package spoolstore

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// An entry that opens a segment while the title of the one before is not written yet is
// found by the next process: that title says how the segment in front of it ended, and
// nothing of the one behind.
func TestStore_segmentOpenedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := disktest.New(1)
		var holding atomic.Pointer[chan struct{}]
		s, err := Open(controlSyncs{d, func() {
			if c := holding.Load(); c != nil {
				<-*c
			}
		}}, small())
		require.NoError(t, err)
		refused := store(t, s, "refused")
		store(t, s, strings.Repeat("first", 4000)) // leaves less of its segment than the next one takes
		s.Refuse([]Range{{refused, refused + 1}}, Refusal{Reason: "no"}, nil, End{})
		require.NoError(t, s.Intend(nil))

		require.NoError(t, s.PutAgain(t.Context(), refused)) // the next title waits until the control file says so
		held := make(chan struct{})
		holding.Store(&held)
		second, err := s.Add(t.Context(), entry(strings.Repeat("second", 800)))
		require.NoError(t, err)
		synctest.Wait()                                                        // it waits with that title
		third, err := s.Add(t.Context(), entry(strings.Repeat("third", 4000))) // fits into no segment beside the second
		require.NoError(t, err)
		holding.Store(nil)
		close(held)
		require.NoError(t, second.Wait(t.Context()))
		require.NoError(t, third.Wait(t.Context()))

		s = open(t, crash(t, d, s), small())
		assert.Empty(t, s.Damage())
		var found []string
		for _, value := range pending(t, s) {
			found = append(found, value[:5])
		}
		assert.Equal(t, []string{"first", "refus", "secon", "third"}, found)
		stop(t, s)
	})
}
