package receiver

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func bodyDigest(n int) (d contentDigest) {
	binary.BigEndian.PutUint32(d[:], uint32(n)) //nolint:gosec // small
	return d
}

// A sender that gives one id to all its batches does not make each claim search through
// the others: every one of them is a key of a map, found in one step. What is too much is
// forgotten, the oldest first, and nothing is left of an id without claims.
func TestSeenTable_manyBodiesOfOneID(t *testing.T) {
	const bodies, limit = 5000, 2000
	table, id, now := newSeenTable(limit), sourceID{1}, time.Now()
	for n := range bodies {
		c, own, sameID := table.claim(id, bodyDigest(n), now)
		require.True(t, own)
		require.Equal(t, n > 0, sameID)
		c.settle(nil, nil, now)
	}
	known := table.claims[id]
	require.Nil(t, known.only, "in a list")
	assert.Len(t, *known.more, limit)
	for n := bodies - limit; n < bodies; n++ {
		c, own, sameID := table.claim(id, bodyDigest(n), now)
		require.False(t, own)
		require.False(t, sameID, "it is not new")
		require.Equal(t, bodyDigest(n), c.body)
	}
	table.forget(now.Add(2 * rememberedFor))
	assert.Empty(t, table.claims)
	assert.Zero(t, table.settled)
}

// Claims of one id come and go one by one.
func TestSameIDClaims(t *testing.T) {
	one, two, impostor := &claim{body: bodyDigest(1)}, &claim{body: bodyDigest(2)}, &claim{body: bodyDigest(1)}
	var s sameIDClaims
	says := func(body int, want *claim, others bool) {
		t.Helper()
		c, more := s.find(bodyDigest(body))
		assert.Same(t, want, c)
		assert.Equal(t, others, more)
	}
	says(1, nil, false)
	s = s.with(one)
	says(1, one, false)
	says(2, nil, true)
	s = s.without(impostor)
	says(1, one, false)
	s = s.with(two).without(impostor)
	says(1, one, true)
	says(2, two, true)
	s = s.without(one)
	says(1, nil, true)
	says(2, two, false)
	assert.Equal(t, sameIDClaims{}, s.without(two))
	assert.Equal(t, sameIDClaims{}, sameIDClaims{}.with(one).without(one))
}
