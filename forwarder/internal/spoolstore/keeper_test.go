package spoolstore

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disk"
	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// controlSyncs calls a function before each sync of the control file.
type controlSyncs struct {
	disk.FS
	before func()
}

func (c controlSyncs) Create(name string, size int64) (disk.File, error) {
	f, err := c.FS.Create(name, size)
	if name == controlName {
		f = syncedFile{f, c.before}
	}
	return f, err
}

// A syncedFile calls a function before each sync.
type syncedFile struct {
	disk.File
	before func()
}

func (f syncedFile) Sync() error {
	f.before()
	return f.File.Sync()
}

// openHolding opens a store that counts the syncs of its control file, and holds
// each until the channel of that moment is closed.
func openHolding(t *testing.T, syncs *atomic.Int64, holding *atomic.Pointer[chan struct{}]) *Store {
	s, err := Open(controlSyncs{disktest.New(1), func() {
		syncs.Add(1)
		if c := holding.Load(); c != nil {
			<-*c
		}
	}}, small())
	require.NoError(t, err)
	return s
}

// A caller who finds its record in a write that has begun leaves nothing behind
// that makes the next record urgent, which has no caller waiting.
func TestStore_marksCostNoSync_afterAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var syncs atomic.Int64
		var holding atomic.Pointer[chan struct{}]
		s := openHolding(t, &syncs, &holding)
		store(t, s, numbered(0, 2)...)

		held := make(chan struct{})
		holding.Store(&held)
		s.mu.Lock()
		s.recordLocked(appendDone(s.records, []Range{{1, 2}}))
		upTo := s.appended
		s.mu.Unlock()
		var calls sync.WaitGroup
		calls.Go(func() { assert.True(t, s.tryFlush()) })
		synctest.Wait() // the record is being synced
		calls.Go(func() { assert.True(t, s.flushed(upTo)) })
		synctest.Wait() // the caller waits for that
		holding.Store(nil)
		close(held)
		calls.Wait()
		synctest.Wait()
		before := syncs.Load()

		s.Done([]Range{{2, 3}}, nil, End{})
		synctest.Wait()
		assert.Equal(t, before, syncs.Load(), "a sync for a mark alone")
		time.Sleep(flushAfter) //nolint:forbidigo // in a bubble
		synctest.Wait()
		assert.Equal(t, before+1, syncs.Load())
		stop(t, s)
	})
}

// A mark without a waiter goes with the next intent, or after a while: a sync of
// its own would make the next intent wait.
func TestStore_marksCostNoSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var syncs atomic.Int64
		var holding atomic.Pointer[chan struct{}]
		s := openHolding(t, &syncs, &holding)
		store(t, s, numbered(0, 2)...)
		intend := func(n int) {
			assert.NoError(t, s.Intend([]Intent{{Partition: Partition{ID: int32(n)}, Messages: []Range{{uint64(n), uint64(n) + 1}}}})) //nolint:gosec // small
		}

		held := make(chan struct{})
		holding.Store(&held)
		var intending sync.WaitGroup
		for n := range 2 { // the second one comes while the first one is synced
			intending.Go(func() { intend(n + 1) })
			synctest.Wait()
		}
		holding.Store(nil)
		close(held)
		intending.Wait()
		before := syncs.Load()

		s.Done([]Range{{1, 2}}, &Partition{ID: 1}, End{Outcome: Acknowledged})
		synctest.Wait()
		require.Equal(t, before, syncs.Load(), "a sync for a mark alone")
		time.Sleep(flushAfter) //nolint:forbidigo // in a bubble
		synctest.Wait()
		require.Equal(t, before+1, syncs.Load())
		stop(t, s)
	})
}
