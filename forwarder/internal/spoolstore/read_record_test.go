package spoolstore

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// One small entry is read with little memory, wherever it lies behind the place that is
// known, and a large one, too.
func TestStore_readRecordTakesLittle(t *testing.T) {
	o := small()
	o.MaxBytes, o.SegmentBytes, o.GroupBytes = 8<<20, 2<<20, 1<<20
	s := open(t, disktest.New(1), o)
	var firsts []uint64
	for range 300 {
		firsts = append(firsts, store(t, s, strings.Repeat("x", 1000)))
	}
	large := store(t, s, strings.Repeat("y", 3*readOne))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, first := range firsts {
		r, err := s.ReadRecord(first)
		require.NoError(t, err)
		require.Len(t, r.Entry.Messages[0].Value, 1000)
	}
	runtime.ReadMemStats(&after)
	assert.Less(t, (after.TotalAlloc-before.TotalAlloc)/uint64(len(firsts)), uint64(4*readOne))
	r, err := s.ReadRecord(large)
	require.NoError(t, err)
	assert.Len(t, r.Entry.Messages[0].Value, 3*readOne)
}
