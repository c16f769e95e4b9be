package spoolstore

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// The oldest pending message is told, in whatever order messages end, also by the
// next process, which has read none but the first of them.
func TestStats_oldest(t *testing.T) {
	d := disktest.New(1)
	s := open(t, d, small())
	assert.Zero(t, s.Stats().Oldest)
	accepted := map[uint64]time.Time{}
	var numbers []uint64
	for i := range 300 { // several segments
		e := entry(string(make([]byte, 1000)))
		e.Accepted = e.Accepted.Add(time.Duration(i) * acceptanceStep)
		ticket, err := s.Add(t.Context(), e)
		require.NoError(t, err)
		require.NoError(t, ticket.Wait(t.Context()))
		accepted[ticket.First] = e.Accepted
		numbers = append(numbers, ticket.First)
		if i%3 > 0 { // not in the order of numbers
			s.Done([]Range{{ticket.First, ticket.First + 1}}, nil, End{})
		}
	}
	left := numbers
	left = slices.DeleteFunc(slices.Clone(left), s.IsDone)
	check := func(s *Store, number uint64) {
		t.Helper()
		assert.Equal(t, accepted[number], s.Stats().Oldest)
	}
	check(s, left[0])
	s.Refuse([]Range{{left[0], left[0] + 1}}, Refusal{Reason: "no"}, nil, End{})
	check(s, left[1])
	assert.Less(t, len(s.accepted.list), len(numbers), "what is done is forgotten")
	require.NoError(t, s.Intend(nil)) // what was recorded is durable
	s = open(t, crash(t, d, s), small())
	check(s, left[1])
	c := s.Cursor(0)
	for _, n := range left[1:] {
		r, _, err := c.TryNext()
		require.NoError(t, err)
		require.Equal(t, n, r.First)
		check(s, n)
		s.Done([]Range{r.Range()}, nil, End{})
	}
	assert.Zero(t, s.Stats().Oldest)
	assert.Len(t, s.accepted.list, 1)
}
