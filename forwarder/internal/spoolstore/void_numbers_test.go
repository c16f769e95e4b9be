package spoolstore

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disk"
	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// A start does not miss the numbers of a batch that the disk has refused, also when the segments are
// gone whose titles say so.
func TestStore_numbersOfWhatWasNotStored(t *testing.T) {
	d := disktest.New(1)
	var fail atomic.Bool
	d.Before = func(op disktest.Op) error {
		if op.Kind == disktest.Write && strings.HasPrefix(op.Name, segmentPrefix) && fail.CompareAndSwap(true, false) {
			return errDisk
		}
		return nil
	}
	s, err := Open(d, small())
	require.NoError(t, err)
	done := func(n uint64) { s.Done([]Range{{n, n + 1}}, nil, End{}) }
	done(store(t, s, "before"))
	fail.Store(true)
	ticket, err := s.Add(t.Context(), entry("not", "stored"))
	require.NoError(t, err)
	var no *NotStoredError
	require.ErrorAs(t, ticket.Wait(t.Context()), &no)
	for range 100 {
		done(store(t, s, strings.Repeat("x", 1000)))
	}
	require.NoError(t, s.Intend(nil))
	eventually(t, func() bool { return s.Stats().Bytes <= small().SegmentBytes }) // all others were recycled
	stop(t, s)
	s = open(t, d, small())
	assert.Empty(t, s.Damage())
	assert.Empty(t, pending(t, s))
}

// A start does not miss them either if the log could not go on at once: of the segments that were
// tried meanwhile nothing is on the disk.
func TestStore_numbersOfWhatWasNotStored_severalFailures(t *testing.T) {
	for failures := range int64(4) {
		for what, size := range map[string]int{"opens a segment": 23 << 10, "follows": 1} {
			t.Run(fmt.Sprint(what, " ", failures), func(t *testing.T) {
				d := disktest.New(1)
				var fail atomic.Int64
				s, err := Open(refusedWrites{d, &fail}, small())
				require.NoError(t, err)
				done := func(n uint64) { s.Done([]Range{{n, n + 1}}, nil, End{}) }
				done(store(t, s, strings.Repeat("x", 1000)))
				fail.Store(1 + failures)
				ticket, err := s.Add(t.Context(), entry("not", strings.Repeat("x", size)))
				require.NoError(t, err)
				require.Error(t, ticket.Wait(t.Context()))
				for range 100 {
					done(store(t, s, strings.Repeat("x", 1000)))
				}
				require.Negative(t, fail.Load(), "writes that were refused")
				require.NoError(t, s.Intend(nil))
				eventually(t, func() bool { return s.Stats().Bytes <= (1+failures)*small().SegmentBytes }) // all others were recycled
				stop(t, s)
				s = open(t, d, small())
				assert.Empty(t, s.Damage())
				assert.Empty(t, pending(t, s))
			})
		}
	}
}

// refusedWrites refuses the next writes to segments, of which it writes nothing.
type refusedWrites struct {
	disk.FS
	next *atomic.Int64
}

func (r refusedWrites) Create(name string, size int64) (disk.File, error) {
	f, err := r.FS.Create(name, size)
	if strings.HasPrefix(name, segmentPrefix) {
		f = refusedFile{f, r.next}
	}
	return f, err
}

type refusedFile struct {
	disk.File
	next *atomic.Int64
}

func (f refusedFile) WriteAt(b []byte, at int64) (int, error) {
	if f.next.Add(-1) >= 0 {
		return 0, errDisk
	}
	return f.File.WriteAt(b, at)
}

// Processes that have stored nothing have skipped numbers, too. What is recorded of these
// can be read, however many they were.
func TestStore_manyLivesWithoutEntries(t *testing.T) {
	d := disktest.New(1)
	s := open(t, d, small())
	first := store(t, s, "before")
	stop(t, s)
	for range 3 * maxRange / unstored / 2 {
		stop(t, open(t, d, small()))
	}
	s = open(t, d, small())
	second := store(t, s, "after")
	stop(t, s)

	s = open(t, d, small())
	assert.Empty(t, s.Damage())
	assert.Equal(t, []string{"before", "after"}, pending(t, s))
	s.Done([]Range{{first, first + 1}, {second, second + 1}}, nil, End{})
	stop(t, s)
	s = open(t, d, small())
	assert.Empty(t, pending(t, s))
}
