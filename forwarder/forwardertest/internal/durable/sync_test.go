package durable

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/internal/disk"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// A segmentSyncs is a folder whose segments are synced by a function of the test.
type segmentSyncs struct {
	disk.FS
	sync *atomic.Pointer[func(disk.File) error] // nil: as ever
}

type syncedSegment struct {
	disk.File
	sync *atomic.Pointer[func(disk.File) error]
}

func (s segmentSyncs) Create(name string, size int64) (disk.File, error) {
	f, err := s.FS.Create(name, size)
	if strings.HasPrefix(name, "segment-") {
		f = syncedSegment{f, s.sync}
	}
	return f, err
}

func (f syncedSegment) Sync() error {
	if sync := f.sync.Load(); sync != nil {
		return (*sync)(f.File)
	}
	return f.File.Sync()
}

// onSegmentSyncs starts a forwarder on a spool whose segments are synced by a function
// that can be changed.
func onSegmentSyncs(t *testing.T) (*forwardertest.Kafka, *forwarder.Forwarder, *atomic.Pointer[func(disk.File) error]) {
	t.Helper()
	k, sync := forwardertest.NewKafka(t), new(atomic.Pointer[func(disk.File) error])
	ctx := disk.NewContext(t.Context(), func(fs disk.FS) disk.FS { return segmentSyncs{fs, sync} })
	s, err := spool.Open(ctx, t.TempDir(), small())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	f := start(t, k, s)
	require.NoError(t, f.Store(t.Context(), makeBatch(t, 0))) // segments are there, and prepared
	return k, f, sync
}

// The end of ctx while the disk syncs leaves open whether a batch is stored. Wait tells.
func TestStore_contextEndsWhileSyncing(t *testing.T) {
	k, f, sync := onSegmentSyncs(t)
	syncing, goOn := make(chan struct{}), make(chan struct{})
	hold := func(file disk.File) error {
		if sync.Swap(nil) != nil {
			close(syncing)
			<-goOn
		}
		return file.Sync()
	}
	sync.Store(&hold)
	ctx, cancel := context.WithCancel(t.Context())
	stored := make(chan error, 1)
	go func() { stored <- f.Store(ctx, makeBatch(t, 1)) }()
	<-syncing
	cancel()
	err := <-stored
	require.ErrorIs(t, err, context.Canceled)
	assert.False(t, forwarder.Kept(err))
	assert.False(t, forwarder.NothingSent(err))
	var failed *forwarder.DeliveryError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, forwarder.Unknown, failed.Failures[0].Outcome)

	close(goOn)
	require.NoError(t, failed.Wait(within(t, patience)))
	drainAll(t, f)
	requireOnce(t, k, 2)
}

// A sync that fails leaves open whether a batch is stored, unless a mark elsewhere says
// that it is not. Then it was not sent, and never will be.
func TestStore_syncFails(t *testing.T) {
	for name, once := range map[string]bool{"once": true, "until it is mended": false} {
		t.Run(name, func(t *testing.T) {
			k, f, sync := onSegmentSyncs(t)
			failing := make(chan struct{}, 1)
			fail := func(file disk.File) error {
				if once {
					sync.Store(nil)
				}
				select {
				case failing <- struct{}{}:
				default:
				}
				return errors.Join(syscall.EIO, file.Sync()) // what it was to write is there
			}
			sync.Store(&fail)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			stored := make(chan error, 1)
			go func() { stored <- f.Store(ctx, makeBatch(t, 1)) }()
			<-failing
			if !once {
				cancel()
			}
			err := <-stored
			require.Error(t, err)
			assert.False(t, forwarder.Kept(err))
			assert.Equal(t, once, forwarder.NothingSent(err), "%v", err)
			if once {
				require.ErrorIs(t, err, syscall.EIO)
			}
			sync.Store(nil)
			require.NoError(t, f.Store(within(t, patience), makeBatch(t, 2)), "it takes batches again")
			drainAll(t, f)
			count := map[string]int{}
			for _, m := range k.Messages(t, "events") {
				count[member(m)]++
			}
			assert.Equal(t, 1, count["0"])
			assert.Equal(t, 1, count["2"])
			assert.LessOrEqual(t, count["1"], 1)
			if once {
				assert.Zero(t, count["1"])
			}
			assert.Empty(t, f.Spool().Damage())
		})
	}
}
