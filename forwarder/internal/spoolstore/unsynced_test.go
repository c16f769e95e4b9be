package spoolstore

import (
	"bytes"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// dyingAt makes the process of d die at the n-th sync of a segment from when the function
// that it returns is called: what was to be synced then is written.
func dyingAt(d *disktest.Disk, n int) (begin func(), killed *atomic.Bool) {
	killed = new(atomic.Bool)
	var left atomic.Int64
	d.Before = func(op disktest.Op) error {
		if left.Load() > 0 && op.Kind == disktest.Sync && strings.HasPrefix(op.Name, segmentPrefix) && left.Add(-1) == 0 {
			killed.Store(true)
		}
		if killed.Load() {
			return disktest.ErrPowerCut
		}
		return nil
	}
	return func() { left.Store(int64(n)) }, killed
}

// What a killed process has written and not synced is found by the next start. It is
// synced before anything relies on it, so that a power cut takes nothing of it.
func TestStore_unsyncedFrames(t *testing.T) {
	lost := 0
	for seed := range uint64(50) {
		d := disktest.New(seed)
		begin, killed := dyingAt(d, 1)
		s := open(t, d, small())
		store(t, s, "confirmed")
		begin()
		_, err := s.Add(t.Context(), entry(strings.Repeat("x", 2000)))
		require.NoError(t, err)
		eventually(t, killed.Load)
		d = crash(t, d, s)

		s = open(t, d, small())
		require.Len(t, pending(t, s), 2)
		require.NoError(t, s.Intend([]Intent{{Messages: []Range{{1, 3}}}})) // and may be in Kafka
		next := d.Cut()
		crash(t, d, s)

		s = open(t, next, small())
		require.Len(t, s.OpenIntents(), 1)
		if _, err := s.ReadRecord(2); err != nil {
			lost++
		}
		stop(t, s)
	}
	assert.Zero(t, lost, "of 50, whose intents are open and cannot be resumed")
}

// The title of a merged segment, which stands for others, is durable before a start clears
// these.
func TestStore_unsyncedTitleOfMerged(t *testing.T) {
	const titled = 2 // the sync of the merged segment that follows the one of its copies
	stoodFor := false
	for seed := range uint64(20) {
		d := disktest.New(seed)
		begin, killed := dyingAt(d, titled)
		s := open(t, d, small())
		value := string(bytes.Repeat([]byte("x"), 900))
		var done []Range
		var kept []string
		for i := range 200 {
			v := value + numbered(i, i+1)[0]
			n := store(t, s, v)
			if i%12 > 0 {
				done = append(done, Range{n, n + 1})
			} else {
				kept = append(kept, v)
			}
		}
		begin()
		s.Done(done, nil, End{})
		eventually(t, killed.Load)
		d = crash(t, d, s)

		s = open(t, d, small())
		stoodFor = stoodFor || slices.ContainsFunc(s.segments, func(seg *segment) bool { return seg.title.kind == mergeSegment })
		next := d.Cut()
		crash(t, d, s)

		s = open(t, next, small())
		found := pending(t, s)
		missing := slices.DeleteFunc(kept, func(v string) bool { return slices.Contains(found, v) })
		assert.Empty(t, missing, "seed %d", seed)
		assert.Empty(t, s.Damage(), "seed %d", seed)
		stop(t, s)
	}
	assert.True(t, stoodFor, "a merged segment of which the title was not synced")
}
