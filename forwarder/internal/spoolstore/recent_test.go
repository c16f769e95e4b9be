package spoolstore

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// give moves the values of e to one piece of memory, which it gives away.
func give(e *Entry) *Entry {
	size := 0
	for _, m := range e.Messages {
		size += len(m.Value)
	}
	all := make([]byte, 0, size)
	for i := range e.Messages {
		from := len(all)
		all = append(all, e.Messages[i].Value...)
		e.Messages[i].Value = all[from:len(all):len(all)]
	}
	e.Memory = &all
	return e
}

// A cursor that has caught up gets what it was given, and only it: another one reads
// the disk.
func TestCursor_recent(t *testing.T) {
	s := open(t, disktest.New(1), small())
	s.KeepRecent(100<<10, nil)
	add := func() (*Entry, Ticket) {
		e := give(entry("a", "b"))
		e.Topic, e.ID, e.Messages[1].Part = "orders", "id", "1/2"
		e.Messages[0].Headers = []Header{{Key: "kind", Value: []byte("x")}}
		ticket, err := s.Add(t.Context(), e)
		require.NoError(t, err)
		require.NoError(t, ticket.Wait(t.Context()))
		return e, ticket
	}
	next := func(c *Cursor) *Entry {
		r, _, err := c.TryNext()
		require.NoError(t, err)
		require.NotNil(t, r)
		return r.Entry
	}
	c := s.Cursor(0)
	c.Recent = true
	_, ticket := add()
	assert.False(t, ticket.KeptMemory, "nobody reads yet")
	assert.Nil(t, next(c).Memory)
	r, _, err := c.TryNext()
	require.NoError(t, err)
	require.Nil(t, r)

	var e *Entry
	e, ticket = add()
	assert.True(t, ticket.KeptMemory)
	got := next(c)
	assert.Same(t, e.Memory, got.Memory)
	assert.Equal(t, string(encoded(e)), string(encoded(got)))
	e.Key[0] = '7' // which is not given
	assert.Equal(t, "42", string(got.Key))

	_, ticket = add()
	assert.True(t, ticket.KeptMemory)
	other := s.Cursor(ticket.First)
	assert.Nil(t, next(other).Memory)
	s.KeepRecent(0, nil)
	assert.Nil(t, next(c).Memory, "it is on the disk")
	assert.Zero(t, s.recents.bytes)
}

// Whatever is in memory and what is not, with writes and syncs that fail, a cursor gets all
// entries that were stored, in order and once, and none that was not.
func TestCursor_recentAndDisk(t *testing.T) {
	kept, fromDisk := 0, 0
	for seed := range uint64(60) {
		k, d := recentAndDisk(t, rand.New(rand.NewPCG(seed, 3))) //nolint:gosec // repeatable
		kept, fromDisk = kept+k, fromDisk+d
	}
	assert.Greater(t, kept, 1000)
	assert.Greater(t, fromDisk, 1000)
}

func recentAndDisk(t *testing.T, r *rand.Rand) (kept, fromDisk int) {
	t.Helper()
	d := disktest.New(r.Uint64())
	failing := rand.New(rand.NewPCG(r.Uint64(), 4)) //nolint:gosec // repeatable
	var mu sync.Mutex
	armed := false
	d.Before = func(op disktest.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if armed && strings.HasPrefix(op.Name, segmentPrefix) && failing.IntN(40) == 0 {
			return errors.New("the disk has failed")
		}
		return nil
	}
	s := open(t, d, small())
	unused, given := 0, 0
	s.KeepRecent(int64(r.IntN(30<<10)), func(*[]byte) { unused++ })
	mu.Lock()
	armed = true
	mu.Unlock()
	c := s.Cursor(0)
	c.Recent = true
	want := map[uint64]string{}  // of the entries that are stored
	maybe := map[uint64]string{} // it is not known
	last := uint64(0)
	read := func() bool {
		got, _, err := c.TryNext()
		require.NoError(t, err)
		if got == nil {
			return false
		}
		text, sure := want[got.First]
		if !sure {
			text = maybe[got.First]
		}
		require.Equal(t, text, string(encoded(got.Entry)), "message %d", got.First)
		require.Greater(t, got.First, last)
		last = got.First
		delete(want, got.First)
		if got.Entry.Memory != nil {
			kept++
		} else {
			fromDisk++
		}
		s.Done([]Range{got.Range()}, nil, End{})
		return true
	}
	for i := range 60 {
		var tickets []Ticket
		var texts []string
		for j := range 1 + r.IntN(4) {
			e := entry(fmt.Sprint(i, j), string(bytes.Repeat([]byte("x"), r.IntN(2000))))
			if r.IntN(5) > 0 {
				e = give(e)
			}
			ticket, err := s.Add(t.Context(), e)
			require.NoError(t, err)
			if ticket.KeptMemory {
				given++
			}
			tickets, texts = append(tickets, ticket), append(texts, string(encoded(e)))
		}
		for j, ticket := range tickets {
			err := ticket.Wait(t.Context())
			switch {
			case err == nil:
				want[ticket.First] = texts[j]
			case errors.As(err, new(*UnknownError)):
				maybe[ticket.First] = texts[j]
			default:
				require.ErrorAs(t, err, new(*NotStoredError))
			}
		}
		for n := r.IntN(8); n > 0 && read(); n-- {
		}
	}
	deadline := time.Now().Add(time.Minute)
	for read() {
		require.True(t, time.Now().Before(deadline))
	}
	require.Empty(t, want)
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Zero(t, s.recents.bytes)
	require.Equal(t, given, kept+unused)
	return kept, fromDisk
}
