package spoolstore

import (
	"bytes"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// A process may be started again and again while Kafka is away: what is left out
// between two lives takes no room in the control file to speak of, nor do the segments
// that each has begun.
func TestStore_manyLives(t *testing.T) {
	const lives = 120
	d := disktest.New(1)
	s := open(t, d, small())
	var all []string
	for i := range lives {
		value := numbered(i, i+1)
		store(t, s, value...)
		all = append(all, value...)
		assert.NoError(t, s.Accepts(), "life %d", i)
		if d = crash(t, d, s); t.Failed() {
			return
		}
		s = open(t, d, small())
	}
	assert.True(t, slices.Equal(all, pending(t, s)))
	assert.Empty(t, s.Damage())
	s.mu.Lock()
	size := s.ledger.size()
	s.mu.Unlock()
	assert.Less(t, size, lives*400, "bytes of the control file")
}

// Merging that fails is tried again after a while, as everything is that fails.
func TestStore_mergingFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const manyTimes = 10_000
		d := disktest.New(1)
		var failing atomic.Bool
		var failed atomic.Int64
		d.Before = func(op disktest.Op) error {
			if failing.Load() && op.Kind == disktest.Write && strings.HasPrefix(op.Name, segmentPrefix) && failed.Add(1) < manyTimes {
				return errDisk
			}
			return nil
		}
		s := open(t, d, small())
		value := string(bytes.Repeat([]byte("x"), 900))
		var done []Range
		for i := range 100 {
			n := store(t, s, value)
			if i%12 > 0 {
				done = append(done, Range{n, n + 1})
			}
		}
		failing.Store(true) // nothing is added any more: it is a merge that writes
		s.Done(done, nil, End{})
		<-time.After(time.Minute)
		assert.Positive(t, failed.Load())
		assert.Less(t, failed.Load(), int64(200), "writes in a minute")

		failing.Store(false)
		<-time.After(time.Minute)
		assert.Len(t, pending(t, s), 100-len(done))
		assert.LessOrEqual(t, s.Stats().Bytes, 3*small().SegmentBytes)
		stop(t, s)
	})
}
