package spoolstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

func taggedAs(id, body, file string, offset int64) *Entry {
	e := entry(body)
	e.Accepted = time.Now()
	e.ID, e.Digest, e.Source = id, digestOf(body), Source{File: file, Offset: offset}
	return e
}

func add(t *testing.T, s *Store, e *Entry) (first uint64) {
	t.Helper()
	ticket, err := s.Add(t.Context(), e)
	require.NoError(t, err)
	require.NoError(t, ticket.Wait(t.Context()))
	return ticket.First
}

func TestTags(t *testing.T) {
	s := open(t, disktest.New(1), small())
	add(t, s, taggedAs("a", "one", "f", 10))
	add(t, s, taggedAs("a", "two", "", 0))
	old := taggedAs("old", "one", "g", 5)
	old.Accepted = time.Now().Add(-2 * time.Hour)
	add(t, s, old)
	for _, c := range []struct {
		id, body    string
		same, other bool
	}{
		{"a", "one", true, true},
		{"a", "two", true, true},
		{"a", "three", false, true},
		{"b", "one", false, false},
		{"old", "one", false, false},
	} {
		same, other := s.KnownID(c.id, digestOf(c.body))
		assert.Equal(t, []bool{c.same, c.other}, []bool{same, other}, "%s %s", c.id, c.body)
	}
	offset, ok := s.Position("f")
	assert.True(t, ok)
	assert.Equal(t, int64(10), offset)
	offset, ok = s.Position("g")
	assert.True(t, ok, "positions have no age")
	assert.Equal(t, int64(5), offset)
	_, ok = s.Position("")
	assert.False(t, ok)
}

// The segments of the entries are used again and again, and the file of tags
// changes its half, before the process ends.
func TestTags_surviveTheirSegments(t *testing.T) {
	d := disktest.New(1)
	s := open(t, d, small())
	const all = 5000 // of which the last 1000 are remembered
	for i := range all {
		e := taggedAs(fmt.Sprint("id ", i), "body", fmt.Sprint("file ", i%7), int64(i))
		ticket, err := s.Add(t.Context(), e)
		require.NoError(t, err)
		if i%10 == 9 {
			require.NoError(t, ticket.Wait(t.Context()))
			s.Done([]Range{{1, ticket.First + 1}}, nil, End{})
		}
	}
	require.NoError(t, s.Intend(nil))
	for range 2 {
		next := crash(t, d, s)
		d, s = next, open(t, next, small())
		assert.Empty(t, s.Damage())
		for i := range all {
			same, _ := s.KnownID(fmt.Sprint("id ", i), digestOf("body"))
			require.Equal(t, i >= all-small().Remembered, same, "id %d", i)
		}
		for f := range 7 {
			offset, _ := s.Position(fmt.Sprint("file ", f))
			assert.Equal(t, int64(f), offset%7)
			assert.GreaterOrEqual(t, offset, int64(all-7))
		}
	}
}

func TestTags_tooManyFiles(t *testing.T) {
	o := small()
	o.Remembered = 3
	s := open(t, disktest.New(1), o)
	for i := range 3 {
		add(t, s, taggedAs("", "body", fmt.Sprint(i), 1))
	}
	_, err := s.Add(t.Context(), taggedAs("", "body", "more", 1))
	require.ErrorIs(t, err, ErrTooManyFiles)
	add(t, s, taggedAs("", "body", "1", 2))
	add(t, s, taggedAs("id", "body", "", 0))
	offset, _ := s.Position("1")
	assert.Equal(t, int64(2), offset)
}

// A folder may be opened with another limit.
func TestTags_otherLimit(t *testing.T) {
	d := disktest.New(1)
	s := open(t, d, small())
	for i := range 50 {
		add(t, s, taggedAs(fmt.Sprint(i), "body", fmt.Sprint(i), int64(i)))
	}
	for _, limit := range []int{2000, 20, 1000} {
		d = crash(t, d, s)
		o := small()
		o.Remembered = limit
		s = open(t, d, o)
		assert.Empty(t, s.Damage())
		same, _ := s.KnownID("49", digestOf("body"))
		assert.True(t, same)
		same, _ = s.KnownID("7", digestOf("body"))
		assert.Equal(t, limit == 2000, same)
		offset, _ := s.Position("7")
		assert.Equal(t, int64(7), offset, "positions are not forgotten")
	}
	assert.Len(t, d.Bytes(tagsName), int(2*tagsHalf(1000)))
}

// What the file of tags held alone is lost with it, and that is reported. What
// lies in segments is not.
func TestTags_damagedFile(t *testing.T) {
	for name, damage := range map[string]func(*testing.T, *disktest.Disk){
		"missing": func(t *testing.T, d *disktest.Disk) {
			t.Helper()
			require.NoError(t, d.Remove(tagsName))
		},
		"zeroed": func(_ *testing.T, d *disktest.Disk) { clear(d.Bytes(tagsName)) },
	} {
		t.Run(name, func(t *testing.T) {
			d := disktest.New(1)
			s := open(t, d, small())
			add(t, s, taggedAs("a", "one", "f", 10))
			next := crash(t, d, s)
			damage(t, next)
			s = open(t, next, small())
			require.Len(t, s.Damage(), 1)
			assert.Equal(t, tagsName, s.Damage()[0].File)
			same, _ := s.KnownID("a", digestOf("one"))
			assert.True(t, same)
			assert.Equal(t, []string{"one"}, pending(t, s))
			next = crash(t, next, s)
			s = open(t, next, small())
			assert.Empty(t, s.Damage(), "reported once")
		})
	}
}

// While the file of tags cannot be written, no segment with tags is recycled though all
// in it is done: the disk fills, and all ids are known after a crash. When the file can
// be written, there is room again.
func TestTags_failingFile(t *testing.T) {
	for name, c := range map[string]struct {
		crashes bool
		pending int // one of so many stays pending, so that segments could be merged
	}{
		"crash": {true, 1000}, "crash of what could be merged": {true, 8}, "recovery": {false, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			d := disktest.New(1)
			var failing atomic.Bool
			d.Before = func(op disktest.Op) error {
				if failing.Load() && op.Name == tagsName {
					return errDisk
				}
				return nil
			}
			s := open(t, d, small())
			failing.Store(true)
			ids := fillWithDone(t, s, c.pending)
			if c.crashes {
				s = open(t, crash(t, d, s), small())
			} else {
				failing.Store(false)
				eventually(t, func() bool { return s.Stats().Bytes <= 2*small().SegmentBytes })
			}
			for i := range ids {
				same, _ := s.KnownID(fmt.Sprint(i), digestOf(strings.Repeat("x", 3000)))
				assert.True(t, same, "%d of %d", i, ids)
			}
		})
	}
}

// fillWithDone adds entries that are done at once, but for one of so many, until there
// is no room. It returns how many.
func fillWithDone(t *testing.T, s *Store, pending int) (ids int) {
	t.Helper()
	for {
		require.Less(t, ids, 500, "there is always room: segments are recycled")
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		ticket, err := s.Add(ctx, taggedAs(fmt.Sprint(ids), strings.Repeat("x", 3000), "", 0))
		cancel()
		var full *FullError
		switch {
		case errors.As(err, &full):
			return ids
		case err != nil:
			require.ErrorIs(t, err, context.DeadlineExceeded) // the disk is slow
			continue
		}
		require.NoError(t, ticket.Wait(t.Context()))
		if ids%pending > 0 {
			s.Done([]Range{{ticket.First, ticket.First + 1}}, nil, End{})
		}
		require.NoError(t, s.Intend(nil))
		ids++
	}
}

// An entry stands for its parts after a crash also if the log went on in another
// segment before the control file had that.
func TestStore_partsSurviveAFailedSegment(t *testing.T) {
	d := disktest.New(1)
	var failLog, failControl atomic.Bool
	d.Before = func(op disktest.Op) error {
		switch {
		case op.Name == controlName && failControl.Load():
			return errDisk
		case op.Kind == disktest.Write && strings.HasPrefix(op.Name, segmentPrefix) && failLog.CompareAndSwap(true, false):
			return errDisk
		}
		return nil
	}
	s := open(t, d, small())
	first := store(t, s, "a", "b")
	failControl.Store(true)
	merged := entry("a+b")
	merged.Parts = []Range{{first, first + 2}}
	add(t, s, merged)
	failLog.Store(true)
	ticket, err := s.Add(t.Context(), entry("next"))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var no *NotStoredError
	if err := ticket.Wait(ctx); !errors.As(err, &no) {
		require.ErrorIs(t, err, context.DeadlineExceeded, "it waits for the control file")
	}
	s = open(t, crash(t, d, s), small())
	left := pending(t, s) // "next", too, if the write that failed has written it
	assert.Contains(t, left, "a+b")
	assert.NotContains(t, left, "a")
	assert.NotContains(t, left, "b")
}

// Whatever is in the file of tags, reading it ends without a panic.
func FuzzTags(f *testing.F) {
	table := newTagTable(10)
	for i := range 15 {
		table.add(taggedAs(fmt.Sprint(i), "body", fmt.Sprint(i%3), int64(i)).tag())
	}
	all, change := table.all(7), table.change(9)
	f.Add(all.encode())
	f.Add(change.encode())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		read := newTagTable(10)
		if read.apply(b) != nil {
			return
		}
		assert.LessOrEqual(t, len(read.ids), 10)
		all, again := read.all(read.upTo), newTagTable(10)
		require.NoError(t, again.apply(all.encode()))
		assert.Equal(t, read.positions, again.positions)
		require.Len(t, again.ids, len(read.ids))
		for i, k := range read.ids {
			same, _ := again.find(k.id, k.digest, k.at)
			assert.True(t, same, i)
		}
	})
}
