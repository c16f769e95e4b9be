package spoolstore

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disk"
	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// retiring is a disk that calls functions before each read of a segment, before each sync
// of one, and once one is closed.
type retiring struct {
	disk.FS
	read, synced, closed func(name string)
}

func (d *retiring) Create(name string, size int64) (disk.File, error) {
	f, err := d.FS.Create(name, size)
	if err == nil && strings.HasPrefix(name, segmentPrefix) {
		f = retiringFile{f, d, name}
	}
	return f, err
}

type retiringFile struct {
	disk.File
	disk *retiring
	name string
}

func (f retiringFile) ReadAt(b []byte, at int64) (int, error) {
	f.disk.read(f.name)
	return f.File.ReadAt(b, at)
}

func (f retiringFile) Sync() error {
	f.disk.synced(f.name)
	return f.File.Sync()
}

func (f retiringFile) Close() error {
	err := f.File.Close()
	f.disk.closed(f.name)
	return err
}

// Who reads a segment while the last of it is done, and its file is cleared or set aside, finds
// no damage and goes on behind it. Its file is not lost.
func TestStore_readsWhatIsRetired(t *testing.T) {
	const first = 1
	cursor := func(t *testing.T, s *Store) {
		t.Helper()
		r, _, err := s.Cursor(0).TryNext()
		if assert.NoError(t, err) {
			assert.Greater(t, r.First, uint64(first))
		}
	}
	record := func(t *testing.T, s *Store) {
		t.Helper()
		var no *NotFoundError
		_, err := s.ReadRecord(first)
		assert.ErrorAs(t, err, &no)
	}
	for name, test := range map[string]struct {
		damaged bool
		read    func(*testing.T, *Store)
	}{
		"a cursor, cleared":   {false, cursor},
		"a cursor, set aside": {true, cursor},
		"a record, cleared":   {false, record},
		"a record, set aside": {true, record},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := disktest.New(1)
				nothing := func(string) {}
				fs := &retiring{d, nothing, nothing, nothing}
				o := small()
				o.ZeroDrained = true
				s, err := Open(fs, o)
				require.NoError(t, err)
				for range 3 {
					store(t, s, strings.Repeat("x", 20<<10)) // one for each segment
				}
				synctest.Wait()
				s.mu.Lock()
				was := s.segments[0]
				was.damaged = test.damaged
				s.mu.Unlock()

				retired, hasRead := make(chan struct{}), make(chan struct{})
				var reading, retiring atomic.Bool
				hold := func(name string) {
					if name == was.name && reading.Load() && retiring.CompareAndSwap(false, true) {
						close(retired)
						<-hasRead
					}
				}
				fs.read = func(name string) {
					if name != was.name || !reading.CompareAndSwap(false, true) {
						return
					}
					s.Done([]Range{{first, first + 1}}, nil, End{})
					assert.NoError(t, s.Intend(nil))
					<-retired
				}
				fs.synced, fs.closed = hold, hold
				test.read(t, s)
				require.True(t, reading.Load(), "the read was held")
				close(hasRead)
				synctest.Wait()
				assert.False(t, s.has(was))
				assert.Empty(t, s.Damage())
				stop(t, s)
				assert.Zero(t, d.OpenFiles())
			})
		})
	}
}

// A refused message that is discarded just before it is read is left out: it need not be there.
func TestRefused_discardedMeanwhile(t *testing.T) {
	nothing := func(string) {}
	fs := &retiring{disktest.New(1), nothing, nothing, nothing}
	o := small()
	o.ZeroDrained = true
	s, err := Open(fs, o)
	require.NoError(t, err)
	defer stop(t, s)
	var numbers []uint64
	for range 3 {
		n := store(t, s, strings.Repeat("x", 20<<10)) // one for each segment
		s.Refuse([]Range{{n, n + 1}}, Refusal{Reason: "no"}, nil, End{})
		numbers = append(numbers, n)
	}
	s.mu.Lock()
	was := s.segments[1]
	s.mu.Unlock()
	fs.read = func(name string) {
		if name == was.name && s.IsRefused(numbers[1]) {
			s.Discard(numbers[1])
			assert.NoError(t, s.Intend(nil))
			eventually(t, func() bool { return !s.has(was) })
		}
	}
	var found []uint64
	for m, err := range s.Refused() {
		assert.NoError(t, err)
		found = append(found, m.Number)
	}
	assert.Equal(t, []uint64{numbers[0], numbers[2]}, found)
}

// A segment that is found damaged while it is merged is set aside, as any other: its file is neither
// cleared nor left open.
func TestStore_damagedWhileMerged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := disktest.New(1)
		nothing := func(string) {}
		fs := &retiring{d, nothing, nothing, nothing}
		s, err := Open(fs, small())
		require.NoError(t, err)
		const each = 20
		var done []Range
		for i := range 3 * each {
			if n := store(t, s, strings.Repeat("x", 1000)); i%(each/2) > 0 {
				done = append(done, Range{n, n + 1})
			}
		}
		synctest.Wait()
		s.mu.Lock()
		was := s.segments[0]
		s.mu.Unlock()
		merging, found := make(chan struct{}), make(chan struct{})
		var held atomic.Bool
		fs.synced = func(name string) {
			if held.CompareAndSwap(false, true) { // nothing is added any more: it is the merged segment
				assert.NotEqual(t, was.name, name)
				close(merging)
				<-found
			}
		}
		s.Done(done, nil, End{})
		require.NoError(t, s.Intend(nil))
		<-merging
		before := slices.Clone(d.Bytes(was.name))
		s.damaged(was, titleSpace, Range{})
		close(found)
		synctest.Wait()
		assert.False(t, s.has(was))
		assert.Zero(t, len(d.Bytes(was.name)))
		assert.True(t, slices.Equal(before, d.Bytes(damagedPrefix+strings.TrimPrefix(was.name, segmentPrefix))))
		assert.Len(t, pending(t, s), 3*each-len(done))
		stop(t, s)
		assert.Zero(t, d.OpenFiles())
	})
}
