package spoolstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

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
