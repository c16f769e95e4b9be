package spoolstore

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disk"
	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

func small() Options {
	return Options{
		MaxBytes: 10 * 32 << 10, SegmentBytes: 32 << 10, GroupBytes: 8 << 10, ControlBytes: 64 << 10, Remembered: 1000,
		Logger: slog.New(slog.DiscardHandler),
	}
}

// TestPower cuts the power at some write or sync of a store that is at work,
// again and again: what was confirmed is there, in order and once.
func TestPower(t *testing.T) {
	cuts := 5000
	if testing.Short() {
		cuts = 500
	}
	for seed := range uint64(cuts / lives) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			liveAndDie(t, t.Context(), seed, powerDefect{})
		})
	}
}

// A disk that says "synced" and has not written must be noticed, wherever it
// does so.
func TestPower_noticesSyncsThatLie(t *testing.T) {
	lies := map[string]func(disktest.Op) bool{
		"of segments": func(op disktest.Op) bool {
			return op.Kind == disktest.Sync && strings.HasPrefix(op.Name, segmentPrefix)
		},
		"of the file of tags": func(op disktest.Op) bool { return op.Kind == disktest.Sync && op.Name == tagsName },
		"of the control file": func(op disktest.Op) bool { return op.Kind == disktest.Sync && op.Name == controlName },
		"of the folder":       func(op disktest.Op) bool { return op.Kind == disktest.SyncDir },
	}
	for name, lie := range lies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mustNotice(t, powerDefect{lie: lie}, "")
		})
	}
}

// A start that goes on behind a gap in what was not synced must be noticed.
func TestPower_noticesSkippedGaps(t *testing.T) {
	t.Parallel()
	mustNotice(t, powerDefect{skipsGaps: true}, behindAGap)
}

// A powerDefect is what is wrong with a disk or a store.
type powerDefect struct {
	lie       func(disktest.Op) bool // syncs that do nothing
	skipsGaps bool                   // whatever is intact counts
}

func (d powerDefect) open(fs disk.FS) (*Store, error) {
	if !d.skipsGaps {
		return Open(fs, small())
	}
	return openWith(fs, small(), func(seg *segment, at *scanner) (int, error) {
		if _, err := newScanner(seg, mark{0, at.at, at.index}, seg.size).resync(); err != nil { // there is none
			return lastSynced(seg, at)
		}
		return math.MaxInt, nil
	})
}

// mustNotice requires that the check fails, and says so with this text.
func mustNotice(t *testing.T, broken powerDefect, text string) {
	t.Helper()
	const seeds = 100
	for seed := range uint64(seeds) {
		v := &verdict{}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			liveAndDie(v, t.Context(), seed, broken)
		}()
		<-ended
		if said := v.said.Load(); said != nil {
			assert.NotContains(t, *said, standsStill)
			assert.Contains(t, *said, text)
			return
		}
	}
	t.Errorf("%d seeds, and nothing was noticed", seeds)
}

// A verdict takes the first failure of a test that must fail.
type verdict struct{ said atomic.Pointer[string] }

// Errorf implements [require.TestingT].
func (v *verdict) Errorf(format string, args ...any) {
	said := fmt.Sprintf(format, args...)
	v.said.CompareAndSwap(nil, &said)
}

// FailNow implements [require.TestingT].
func (v *verdict) FailNow() { runtime.Goexit() }

// What the check says.
const (
	standsStill = "the store stands still"
	behindAGap  = "is there, but not what was added before it"
)

const lives = 5

//nolint:revive // t comes first in tests
func liveAndDie(t require.TestingT, ctx context.Context, seed uint64, broken powerDefect) {
	r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // repeatable
	d := disktest.New(seed)
	h := &history{stored: map[uint64]string{}, maybe: map[uint64]string{}, tags: map[string]*taggedEntry{}}
	for life := range lives {
		d.Lie = broken.lie
		d = liveUntilCut(t, ctx, d, h, r, life, broken)
	}
}

//nolint:revive // t comes first in tests
func liveUntilCut(t require.TestingT, ctx context.Context, d *disktest.Disk, h *history, r *rand.Rand, life int, broken powerDefect) *disktest.Disk {
	var ops atomic.Int64
	cutAt := int64(r.IntN(400))
	down := make(chan struct{})
	d.Before = func(disktest.Op) error {
		switch n := ops.Add(1); {
		case n == cutAt:
			close(down)
			return disktest.ErrPowerCut
		case n > cutAt:
			return disktest.ErrPowerCut
		}
		return nil
	}
	s, err := broken.open(d)
	if err != nil {
		require.ErrorIs(t, err, disktest.ErrPowerCut)
		return d.Cut()
	}
	end := func() {
		closing, stop := context.WithCancel(context.Background())
		stop()
		_ = s.Close(closing) // the power is off
	}
	defer end()
	h.check(t, s, life)
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	var working sync.WaitGroup
	for w := range uint64(2) {
		seed := r.Uint64()
		working.Go(func() { h.add(ctx, s, rand.New(rand.NewPCG(seed, w)), fmt.Sprint("worker ", w), down) }) //nolint:gosec // repeatable
	}
	seed := r.Uint64()
	working.Go(func() { h.deliver(ctx, s, rand.New(rand.NewPCG(seed, 9)), down) }) //nolint:gosec // repeatable
	select {
	case <-down:
	case <-ctx.Done():
		t.Errorf(standsStill)
	}
	cancel()
	end() // what waits for the disk waits until then
	working.Wait()
	return d.Cut()
}
