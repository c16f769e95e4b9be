package spoolstore

import (
	"bytes"
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

func waits(device byte, values ...string) *Entry {
	e := entry(values...)
	e.Window = Window{Device: [16]byte{device}, End: time.UnixMilli(1700000600123)}
	return e
}

// closing is what a window of these parts becomes.
func closing(value string, frees int64, parts ...Range) *Entry {
	e := entry(value)
	e.Window, e.Parts, e.Frees = Window{Device: [16]byte{1}}, parts, frees
	return e
}

func added(t *testing.T, s *Store, e *Entry) uint64 {
	t.Helper()
	ticket, err := s.Add(t.Context(), e)
	require.NoError(t, err)
	require.NoError(t, ticket.Wait(t.Context()))
	return ticket.First
}

func TestWindow_isReadBack(t *testing.T) {
	d := disktest.New(1)
	s := open(t, d, small())
	part := waits(3, "v")
	first := added(t, s, part)
	s = open(t, crash(t, d, s), small())
	r, err := s.ReadRecord(first)
	require.NoError(t, err)
	assert.Equal(t, part.Window, r.Entry.Window)
	assert.True(t, r.Entry.Window.Waits())

	closed := added(t, s, closing("w", 0, Range{first, first + 1}))
	r, err = s.ReadRecord(closed)
	require.NoError(t, err)
	assert.Equal(t, Window{Device: [16]byte{1}}, r.Entry.Window)
	assert.Equal(t, []string{"w"}, pending(t, s), "it stands for its parts")
}

// Finished is told of each entry, in order, and before its ticket.
func TestWindow_finished(t *testing.T) {
	d := disktest.New(1)
	var broken atomic.Bool
	d.Before = func(op disktest.Op) error {
		if broken.Load() && op.Kind == disktest.Write && strings.HasPrefix(op.Name, segmentPrefix) {
			return errors.New("broken")
		}
		return nil
	}
	s := open(t, d, small())
	var told []string
	for i := range 10 {
		e := waits(1, fmt.Sprint(i))
		e.Finished = func(first uint64, bytes int64, err error) {
			assert.Positive(t, bytes)
			told = append(told, fmt.Sprint(first, err))
		}
		added(t, s, e)
		assert.Len(t, told, i+1)
	}
	assert.Equal(t, "1 <nil>", told[0])
	waited := s.waiting.bytes
	broken.Store(true)
	e := waits(1, "lost")
	failed := make(chan error, 1)
	e.Finished = func(_ uint64, _ int64, err error) { failed <- err }
	_, err := s.Add(t.Context(), e)
	require.NoError(t, err)
	require.ErrorContains(t, <-failed, "broken")
	broken.Store(false)
	eventually(t, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.broken == nil && s.waiting.bytes == waited })
}

// However full the spool is, what waits finds room to become something else: with
// nothing sent meanwhile, and after a restart, until nothing waits.
func TestWindow_alwaysCloses(t *testing.T) {
	for name, size := range map[string]int{"small": 300, "half a segment and a little": 17_000, "almost a segment": 23_000} {
		t.Run(name, func(t *testing.T) {
			d := disktest.New(1)
			s := open(t, d, small())
			value := string(bytes.Repeat([]byte("x"), size))
			var parts []Range
			for refused := 0; refused < 2; {
				e := waits(1, value)
				if len(parts)%2 == 1 || refused > 0 { // and others that nothing sends
					e = entry(value)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				ticket, err := s.Add(ctx, e)
				cancel()
				if err != nil {
					refused++
					continue
				}
				require.NoError(t, ticket.Wait(t.Context()))
				parts = append(parts, Range{ticket.First, ticket.First + 1})
			}
			require.Error(t, s.Accepts())
			s = open(t, crash(t, d, s), small())
			closed, waiting := 0, []*Record{}
			c := s.Cursor(0)
			for {
				r, _, err := c.TryNext()
				require.NoError(t, err)
				if r == nil {
					break
				}
				if r.Entry.Window.Waits() {
					s.AddWaiting(int64(r.Bytes))
					waiting = append(waiting, r)
				}
			}
			require.NotEmpty(t, waiting)
			for _, r := range waiting {
				added(t, s, closing(value, int64(r.Bytes), r.Range()))
				closed++
			}
			assert.Zero(t, s.waiting.bytes)
			assert.Positive(t, closed)
			assert.Len(t, pending(t, s), len(parts), "nothing is lost")
		})
	}
}

// What waits stays where others around it are done, and moves with a merge.
func TestWindow_waitsThroughMerges(t *testing.T) {
	d := disktest.New(1)
	s := open(t, d, small())
	value := string(bytes.Repeat([]byte("x"), 900))
	var want []string
	for i := range 600 {
		e := entry(value)
		if i%60 == 0 {
			e = waits(byte(i/60), fmt.Sprint(i))
			want = append(want, fmt.Sprint(i))
		}
		n := added(t, s, e)
		if !e.Window.Waits() {
			s.Done([]Range{{n, n + 1}}, nil, End{})
		}
	}
	merged := func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, seg := range s.segments {
			if seg.title.kind == mergeSegment && seg.title.version == version {
				return len(s.segments) <= 4
			}
		}
		return false
	}
	eventually(t, merged)
	require.NoError(t, s.Intend(nil), "what is done is durable then")
	s = open(t, crash(t, d, s), small())
	assert.Equal(t, want, pending(t, s))
	r, err := s.Cursor(0).Next(t.Context())
	require.NoError(t, err)
	assert.True(t, r.Entry.Window.Waits())
}

// A folder in which nothing waited is read by a program that knows no windows. One
// with a window is refused by it, also when the log had begun without.
func TestWindow_format(t *testing.T) {
	newest := func(s *Store) (v int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, seg := range s.segments {
			v = max(v, seg.title.version)
		}
		return v
	}
	d := disktest.New(1)
	s := open(t, d, small())
	store(t, s, "a", "b")
	assert.Equal(t, plainVersion, newest(s))
	d = crash(t, d, s)
	s = open(t, d, small())
	assert.Equal(t, plainVersion, newest(s))
	store(t, s, "c")
	added(t, s, waits(1, "d"))
	assert.Equal(t, version, newest(s))
	s = open(t, crash(t, d, s), small())
	assert.Equal(t, version, newest(s))
	assert.Equal(t, []string{"a", "b", "c", "d"}, pending(t, s))
}

// A process that begins with all segments in use stores what windows become all the same:
// it delivers nothing before.
func TestWindow_closesInALaterLife(t *testing.T) {
	d := disktest.New(1)
	s := open(t, d, small())
	n := added(t, s, waits(1, "v"))
	value := strings.Repeat("x", 3000)
	for life := range 30 { // each begins a segment
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		for range 4 + life {
			if ticket, err := s.Add(ctx, entry(value)); err != nil || ticket.Wait(t.Context()) != nil {
				break
			}
		}
		cancel()
		d = crash(t, d, s)
		s = open(t, d, small())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ticket, err := s.Add(ctx, closing("merged", 100, Range{n, n + 1}))
	require.NoError(t, err)
	require.NoError(t, ticket.Wait(t.Context()))
}
