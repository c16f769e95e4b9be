package spoolstore

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// What a cursor returns is in memory of its own, whatever it has passed over before
// and reads behind it.
func TestCursor_memoryOfEntriesPassedOver(t *testing.T) {
	s := open(t, disktest.New(1), small())
	var added []*Entry
	var last Ticket
	for i := range 60 {
		e := entry(numbered(i, i+1+i%3)...)
		e.Topic = []string{"orders", "", "visits"}[i%5%3]
		if i%4 == 0 {
			e.Key, e.Messages[0].Part = nil, "1/3"
			e.Messages[0].Headers = []Header{{Key: "kind", Value: []byte(fmt.Sprint(i))}}
		}
		var err error
		last, err = s.Add(t.Context(), e)
		require.NoError(t, err)
		added = append(added, e)
	}
	require.NoError(t, last.Wait(t.Context()))

	for every := 1; every <= 4; every++ {
		at := -1
		c := s.Cursor(0)
		c.Want = func(*Record) bool { at++; return at%every == 0 }
		var got, want []*Entry
		for i := 0; i < len(added); i += every {
			r, _, err := c.TryNext()
			require.NoError(t, err)
			require.NotNil(t, r)
			got, want = append(got, r.Entry), append(want, added[i])
		}
		for i := range got {
			assert.Equal(t, string(encoded(want[i])), string(encoded(got[i])), "entry %d of every %d", i, every)
		}
	}
}

func encoded(e *Entry) []byte { return appendEntry(nil, e) }

// An entry costs two allocations to read, one for its bytes and one for what they
// mean, and one that is passed over costs none: so much that is small may be pending.
func TestCursor_allocations(t *testing.T) {
	o := small()
	o.MaxBytes, o.SegmentBytes, o.GroupBytes = 8<<20, 1<<20, 64<<10
	s := open(t, disktest.New(1), o)
	e := entry(strings.Repeat("x", 100))
	e.Topic = "events"
	var last Ticket
	for range 2000 {
		var err error
		last, err = s.Add(t.Context(), e)
		require.NoError(t, err)
	}
	require.NoError(t, last.Wait(t.Context()))
	c := s.Cursor(0)
	read := func() {
		if r, _, err := c.TryNext(); r == nil || err != nil {
			t.Error("no entry", err)
		}
	}
	read() // and a scanner with its memory, and the topic
	assert.Equal(t, 2, int(testing.AllocsPerRun(500, read)))

	passed := 0
	c = s.Cursor(0)
	c.Want = func(*Record) bool { passed++; return passed%100 == 0 }
	read()
	assert.Equal(t, 2, int(testing.AllocsPerRun(10, read)))
	assert.Equal(t, 1200, passed) // AllocsPerRun runs it once more
}
