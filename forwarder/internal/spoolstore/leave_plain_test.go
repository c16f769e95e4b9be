package spoolstore

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// newestFormat returns the version of the newest title in a folder; 0: there is none.
func newestFormat(t require.TestingT, d *disktest.Disk) (v int) {
	names, err := d.List()
	require.NoError(t, err)
	for _, name := range names {
		if b := d.Bytes(name); strings.HasPrefix(name, segmentPrefix) {
			for _, one := range [][]byte{b[:titleSize], b[titleSize:titleSpace]} {
				if title, err := parseTitle(one); err == nil {
					v = max(v, title.version)
				}
			}
		}
	}
	return v
}

// afterWindows returns a store that has had windows, in several segments, and has delivered
// all, with an id and a position in its last segment, and the number of its last message.
func afterWindows(t *testing.T, d *disktest.Disk) (*Store, uint64) {
	t.Helper()
	s, err := Open(d, small())
	require.NoError(t, err)
	waiting := added(t, s, waits(1, "waits"))
	added(t, s, closing("merged", 100, Range{waiting, waiting + 1}))
	for range 60 {
		last := store(t, s, strings.Repeat("x", 1000))
		s.Done([]Range{{1, last + 1}}, nil, End{})
	}
	e := entry("tagged")
	e.Accepted, e.ID, e.Digest, e.Source = time.Now(), "id", digestOf("tagged"), Source{File: "file", Offset: 7}
	last := added(t, s, e)
	s.Done([]Range{{1, last + 1}}, nil, End{})
	require.Zero(t, s.Stats().Messages)
	return s, last
}

// A drained store that has had windows is closed without a trace of the newer format.
func TestClose_leavesPlainFormat(t *testing.T) {
	d := disktest.New(1)
	s, last := afterWindows(t, d)
	require.True(t, s.HasWindows())
	stop(t, s)
	assert.Equal(t, plainVersion, newestFormat(t, d))
	s = open(t, d, small())
	checkDrained(t, s, last)
	store(t, s, "later")
	assert.False(t, s.HasWindows())
	stop(t, s)
	assert.Equal(t, plainVersion, newestFormat(t, d))
	assert.Equal(t, []string{"later"}, pending(t, open(t, d, small())))
}

// What is pending or refused keeps the format that it has.
func TestClose_keepsFormat(t *testing.T) {
	for name, left := range map[string]func(s *Store){
		"pending": func(s *Store) { store(t, s, "left") },
		"refused": func(s *Store) {
			n := store(t, s, "left")
			s.Refuse([]Range{{n, n + 1}}, Refusal{Reason: "no"}, nil, End{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := disktest.New(1)
			s, _ := afterWindows(t, d)
			left(s)
			stop(t, s)
			assert.Equal(t, version, newestFormat(t, d))
			s = open(t, d, small())
			assert.Empty(t, s.Damage())
			r, err := s.ReadRecord(s.committed - unstored - 1)
			require.NoError(t, err)
			assert.Equal(t, "left", string(r.Entry.Messages[0].Value))
			assert.Equal(t, 1, s.Stats().Messages+s.Stats().Refused)
		})
	}
}

// checkDrained requires that a start finds nothing, misses nothing, knows what it must, and
// gives no number again.
func checkDrained(t require.TestingT, s *Store, last uint64) {
	require.Empty(t, s.Damage())
	require.False(t, s.AllDoubtful())
	require.Zero(t, s.Stats().Messages)
	known, other := s.KnownID("id", digestOf("tagged"))
	require.True(t, known && !other, "the id")
	offset, ok := s.Position("file")
	require.True(t, ok && offset == 7, "the position")
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Greater(t, s.nextNum, last, "the next number")
}

// When the time for it has ended, Close begins nothing more with the disk: to clear many segments
// may take long. A later one does it.
func TestClose_leavesPlainFormatLater(t *testing.T) {
	clearing := func(op disktest.Op) bool {
		return op.Kind == disktest.Write && strings.HasPrefix(op.Name, segmentPrefix)
	}
	for name, most := range map[string]int64{"ended before": 0, "ended at the first write": 1} {
		t.Run(name, func(t *testing.T) {
			d := disktest.New(1)
			var closing atomic.Bool
			var writes atomic.Int64
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			d.Before = func(op disktest.Op) error {
				if closing.Load() && clearing(op) {
					writes.Add(1)
					cancel()
				}
				return nil
			}
			s, last := afterWindows(t, d)
			require.NoError(t, s.Intend(nil))
			eventually(t, func() bool { return s.Stats().Bytes == small().SegmentBytes }) // the maintainer clears no other
			if most == 0 {
				cancel()
			}
			closing.Store(true)
			require.NoError(t, s.Close(ctx))
			closing.Store(false)
			assert.Equal(t, most, writes.Load())
			assert.Equal(t, version, newestFormat(t, d))
			s = open(t, d, small())
			checkDrained(t, s, last)
			stop(t, s)
			assert.Equal(t, plainVersion, newestFormat(t, d))
		})
	}
}

// The power may be cut anywhere while a drained store is closed.
func TestClose_powerCut(t *testing.T) {
	cuts, plain := 0, 0
	for seed := range uint64(20) {
		for cutAt := int64(1); ; cutAt++ {
			found, done := cutWhileClosing(t, seed, cutAt, nil)
			if cuts++; found == plainVersion {
				plain++
			}
			if done {
				break
			}
		}
	}
	t.Logf("%d cuts, %d of them when nothing of the newer format was left", cuts, plain)
	assert.Positive(t, plain)
	assert.Less(t, plain, cuts/2)
}

// Segments that are cleared although the control file, or that of tags, does not say what they
// tell must be noticed.
func TestClose_powerCut_noticesSyncsThatLie(t *testing.T) {
	for _, file := range []string{controlName, tagsName} {
		t.Run(file, func(t *testing.T) {
			v := &verdict{}
			for seed := range uint64(20) {
				for cutAt := int64(1); v.said.Load() == nil; cutAt++ {
					ended, done := make(chan struct{}), false
					go func() {
						defer close(ended)
						_, done = cutWhileClosing(t, seed, cutAt, func(op disktest.Op) bool { return op.Kind == disktest.Sync && op.Name == file }, v)
					}()
					<-ended
					if done {
						break
					}
				}
			}
			require.NotNil(t, v.said.Load(), "nothing was noticed")
		})
	}
}

// cutWhileClosing cuts the power at an operation of a Close, and checks what the next start
// finds: how new the format is, and all that checkDrained says. It reports done if there were
// not so many.
func cutWhileClosing(t *testing.T, seed uint64, cutAt int64, lie func(disktest.Op) bool, to ...require.TestingT) (format int, done bool) {
	d := disktest.New(seed)
	var ops atomic.Int64
	var closing atomic.Bool
	d.Lie = func(op disktest.Op) bool { return lie != nil && closing.Load() && lie(op) }
	d.Before = func(disktest.Op) error {
		if closing.Load() && ops.Add(1) >= cutAt {
			return disktest.ErrPowerCut
		}
		return nil
	}
	s, last := afterWindows(t, d)
	require.NoError(t, s.Intend(nil)) // all marks are durable
	closing.Store(true)
	stop(t, s)
	d = d.Cut()
	format = newestFormat(t, d)
	n, err := Open(d, small())
	require.NoError(t, err)
	defer stop(t, n)
	check := require.TestingT(t)
	if len(to) > 0 {
		check = to[0]
	}
	checkDrained(check, n, last)
	return format, ops.Load() < cutAt
}
