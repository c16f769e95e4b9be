package spoolstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
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

// A history is what callers of several lives of a store were told.
type history struct {
	mu      sync.Mutex
	stored  map[uint64]string // by message number: certainly on the disk, and not done
	maybe   map[uint64]string // not known, or marked done without a sync behind it
	doneNow []Range           // since the last intent
	marked  map[uint64]bool   // done in this life
	intent  *Intent           // the last that returned
	trying  *Intent           // the one that may or may not be there
	serial  int
	tags    map[string]*taggedEntry // by value of the first message
}

// A taggedEntry is one with an id and a position.
type taggedEntry struct {
	worker string // its file
	offset int64
	stored bool // certainly
	tried  bool // in this life: it may be stored
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

// check reads everything and compares.
func (h *history) check(t require.TestingT, s *Store, life int) {
	require.False(t, s.AllDoubtful())
	found := map[uint64]string{}
	c := s.Cursor(0)
	last := uint64(0)
	for {
		r, _, err := c.TryNext()
		if err != nil {
			require.ErrorIs(t, err, disktest.ErrPowerCut)
			return
		}
		if r == nil {
			break
		}
		for i, m := range r.Entry.Messages {
			n := r.First + uint64(i)
			require.Greater(t, n, last)
			last = n
			if !s.IsDone(n) {
				found[n] = string(m.Value)
			}
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for n, value := range h.stored {
		require.True(t, value == found[n], "life %d: message %d of %d was confirmed", life, n, len(h.stored))
	}
	h.checkGaps(t, found)
	require.Empty(t, s.Damage(), "life %d", life)
	for n, value := range found {
		if _, ok := h.stored[n]; ok {
			continue
		}
		require.True(t, h.maybe[n] == value, "life %d: message %d should not be there", life, n)
		h.stored[n] = value
	}
	h.maybe, h.doneNow, h.marked = map[uint64]string{}, nil, map[uint64]bool{}
	h.checkTags(t, s, found)
	if h.intent != nil {
		l := s.ledger.intents[h.intent.Partition]
		require.NotNil(t, l)
		if h.trying == nil || l.intent.FirstSequence != h.trying.FirstSequence {
			require.Equal(t, *h.intent, l.intent)
		} else {
			h.intent = h.trying
		}
	}
	h.trying = nil
}

// checkGaps requires that of what was not confirmed all is there up to some message, and
// nothing behind it.
func (h *history) checkGaps(t require.TestingT, found map[uint64]string) {
	gap := false
	for _, n := range slices.Sorted(maps.Keys(h.maybe)) {
		switch _, there := found[n]; {
		case h.marked[n]:
		case !there:
			gap = true
		default:
			require.False(t, gap, "message %d "+behindAGap, n)
		}
	}
}

// checkTags requires that the ids are known of those entries that are stored, and
// that the position in each file is that of the last of them.
func (h *history) checkTags(t require.TestingT, s *Store, found map[uint64]string) {
	values := map[string]bool{}
	for _, value := range found {
		values[value] = true
	}
	last := map[string]int64{}
	for value, e := range h.tags {
		known, other := s.KnownID(e.id(), digestOf(value))
		require.False(t, other)
		switch {
		case e.stored || values[value]:
			require.True(t, known, "%s is stored", e.id())
		case !e.tried:
			require.False(t, known, "%s is not stored", e.id())
		}
		if e.tried = false; !known {
			delete(h.tags, value)
			continue
		}
		e.stored = true
		last[e.worker] = max(last[e.worker], e.offset)
	}
	for worker, offset := range last {
		got, ok := s.Position(worker)
		require.True(t, ok)
		require.Equal(t, offset, got, worker)
	}
}

func (e *taggedEntry) id() string { return fmt.Sprint(e.worker, " ", e.offset) }

func digestOf(value string) [sha256.Size]byte { return sha256.Sum256([]byte(value)) }

// tag gives an entry an id and a position.
func (h *history) tag(e *Entry, worker string) {
	value := string(e.Messages[0].Value)
	h.mu.Lock()
	defer h.mu.Unlock()
	mark := &taggedEntry{worker: worker, offset: int64(h.serial), tried: true}
	h.tags[value] = mark
	e.ID, e.Digest, e.Source = mark.id(), digestOf(value), Source{File: worker, Offset: mark.offset}
}

// settleTag notes whether an entry is certainly stored, or certainly not.
func (h *history) settleTag(value string, stored bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e := h.tags[value]; e != nil {
		e.stored, e.tried = stored || e.stored, false
	}
}

func (h *history) add(ctx context.Context, s *Store, r *rand.Rand, worker string, down <-chan struct{}) {
	for ctx.Err() == nil {
		e := &Entry{Accepted: time.Now(), Key: []byte("k")}
		h.mu.Lock()
		for range 1 + r.IntN(3) {
			h.serial++
			e.Messages = append(e.Messages, Message{Value: bytes.Repeat(fmt.Appendf(nil, "%d,", h.serial), 1+r.IntN(300))})
		}
		h.mu.Unlock()
		if r.IntN(2) == 0 {
			h.tag(e, worker)
		}
		ticket, err := s.Add(ctx, e)
		if err != nil {
			return
		}
		h.note(h.maybe, ticket.First, e)
		if r.IntN(4) == 0 {
			continue // pipelined; what becomes of it stays open
		}
		err = ticket.Wait(ctx)
		var no *NotStoredError
		switch {
		case err == nil:
			h.note(h.stored, ticket.First, e)
			h.settleTag(string(e.Messages[0].Value), true)
		case errors.As(err, &no):
			h.settleTag(string(e.Messages[0].Value), false)
			h.mu.Lock()
			for i := range e.Messages {
				delete(h.maybe, ticket.First+uint64(i))
			}
			h.mu.Unlock()
		}
		select {
		case <-down:
			return
		default:
		}
	}
}

func (h *history) note(in map[uint64]string, first uint64, e *Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, m := range e.Messages {
		n := first + uint64(i)
		if !h.marked[n] {
			in[n] = string(m.Value)
		}
	}
}

func (h *history) deliver(ctx context.Context, s *Store, r *rand.Rand, down <-chan struct{}) {
	c := s.Cursor(0)
	sequence := int32(0)
	var waiting []*Record
	for ctx.Err() == nil {
		rec, err := c.Next(ctx)
		if err != nil {
			return
		}
		if r.IntN(4) == 0 && len(waiting) < 20 { // as one for a partition without a leader does
			waiting = append(waiting, rec)
			continue
		}
		if len(waiting) > 0 && r.IntN(4) == 0 {
			waiting = append(waiting, rec)
			rec, waiting = waiting[0], waiting[1:]
		}
		if r.IntN(3) == 0 {
			sequence++
			i := Intent{
				Partition: Partition{ID: 3}, ProducerID: 7, FirstSequence: sequence,
				Messages: []Range{rec.Range()}, Timestamps: []int64{1, 2, 3}, Whole: []Range{},
			}
			h.mu.Lock()
			done := h.doneNow
			h.trying = &i
			h.mu.Unlock()
			if s.Intend([]Intent{i}) != nil {
				return
			}
			h.mu.Lock()
			h.intent, h.trying = &i, nil
			h.doneNow = h.doneNow[len(done):]
			for _, d := range done { // durable with the intent
				for n := d.First; n < d.Next; n++ {
					delete(h.maybe, n)
				}
			}
			h.mu.Unlock()
		}
		h.settleTag(string(rec.Entry.Messages[0].Value), true)
		h.mu.Lock()
		for i, m := range rec.Entry.Messages {
			n := rec.First + uint64(i)
			delete(h.stored, n)
			h.maybe[n], h.marked[n] = string(m.Value), true
		}
		h.doneNow = append(h.doneNow, rec.Range())
		h.mu.Unlock()
		s.Done([]Range{rec.Range()}, nil, End{})
		select {
		case <-down:
			return
		default:
		}
	}
}
