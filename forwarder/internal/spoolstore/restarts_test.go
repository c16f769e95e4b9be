package spoolstore

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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

// What is damaged among entries of many lives is those entries: the numbers that are left
// out between two lives were nobody's.
func TestStore_damagedLives(t *testing.T) {
	const lives, page = 60, 4096
	d := disktest.New(1)
	s := open(t, d, small())
	for i := range lives {
		store(t, s, numbered(i, i+1)...)
		d = crash(t, d, s)
		s = open(t, d, small())
	}
	eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return slices.ContainsFunc(s.segments, func(seg *segment) bool { return seg.title.kind == mergeSegment && seg.held > lives/2 })
	})
	d = crash(t, d, s)
	merged := lastMerged(t, d, lives/2)
	clear(d.Bytes(merged)[titleSpace : titleSpace+page])
	s = open(t, d, small())
	left := pending(t, s)
	lost := 0
	for _, damage := range s.Damage() {
		lost += damage.Messages
	}
	assert.NotEmpty(t, left)
	assert.Positive(t, lost)
	assert.Equal(t, lives, len(left)+lost, "%d lost", lost)
	require.NoError(t, s.Intend(nil)) // and what is lost with it

	s = open(t, crash(t, d, s), small())
	assert.Equal(t, left, pending(t, s))
}

// lastMerged returns the segment that stands for others and holds more messages than so
// many. What it stands for is cleared, if it was not yet.
func lastMerged(t *testing.T, d *disktest.Disk, messages int) string {
	t.Helper()
	names := map[uint64]string{}
	titles := map[uint64]title{}
	for _, name := range segmentFiles(t, d) {
		if n, err := parseTitle(d.Bytes(name)[:titleSpace]); err == nil {
			names[n.seq], titles[n.seq] = name, n
		}
	}
	for _, seq := range slices.Sorted(maps.Keys(titles)) {
		for _, replaced := range titles[seq].replaces {
			if name, ok := names[replaced]; ok {
				clear(d.Bytes(name)[:titleSpace])
				delete(titles, replaced)
			}
		}
	}
	for seq, n := range titles {
		if n.kind == mergeSegment && n.held > messages {
			return names[seq]
		}
	}
	require.FailNow(t, "nothing was merged")
	return ""
}

// With ZeroDrained nothing that was delivered is left on the disk, wherever it was copied.
func TestStore_zeroDrained(t *testing.T) {
	o := small()
	o.ZeroDrained = true
	d := disktest.New(1)
	s := open(t, d, o)
	secret := string(bytes.Repeat([]byte("secret"), 150))
	var left []Range
	for i := range 300 {
		n := store(t, s, secret)
		if r := (Range{n, n + 1}); i%12 == 0 {
			left = append(left, r)
		} else {
			s.Done([]Range{r}, nil, End{})
		}
	}
	eventually(t, func() bool { return s.Stats().Bytes <= 4*o.SegmentBytes }) // some are merged
	s.Done(left, nil, End{})
	for range 40 { // so that the last segment is another one
		n := store(t, s, string(bytes.Repeat([]byte("public"), 150)))
		s.Done([]Range{{n, n + 1}}, nil, End{})
	}
	require.NoError(t, s.Intend(nil))
	eventually(t, func() bool { return s.Stats().Bytes <= o.SegmentBytes }) // the last one stays
	stop(t, s)
	names, err := d.List()
	require.NoError(t, err)
	for _, name := range names {
		assert.False(t, bytes.Contains(d.Bytes(name), []byte("secret")), name)
	}
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
