package spoolstore

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The table finds what a search through all that it knows finds, also where one id has
// come with many digests, and it keeps no trace of what it has forgotten.
func TestTagTable_findsWhatASearchFinds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // a test
	for range 50 {
		table, now := newTagTable(1+r.IntN(30)), time.Now().UnixMilli()
		ids, digests := 1+r.IntN(4), 1+r.IntN(6)
		for range 300 {
			now += r.Int64N(knownFor.Milliseconds() / 10)
			table.add(tag{id: nameHash{byte(1 + r.IntN(ids))}, digest: [32]byte{byte(r.IntN(digests))}, at: now})
			id, digest := nameHash{byte(1 + r.IntN(ids))}, [32]byte{byte(r.IntN(digests))}
			var wantSame, wantOther bool
			present := map[idAndDigest]bool{}
			for _, k := range table.ids {
				present[idAndDigest{k.id, k.digest}] = true
				if k.id == id && now-k.at <= knownFor.Milliseconds() {
					wantSame = wantSame || k.digest == digest
					wantOther = wantOther || k.digest != digest
				}
			}
			same, other := table.find(id, digest, now)
			require.Equal(t, []bool{wantSame, wantOther}, []bool{same, other})
			for body := range table.bodies {
				require.True(t, present[body], "forgotten")
			}
		}
	}
}

// Ids that come once cost no second place.
func TestTagTable_bodiesOnlyOfIDsThatRepeat(t *testing.T) {
	table := newTagTable(100)
	for i := range 50 {
		table.add(tag{id: nameHash{1, byte(i)}, digest: [32]byte{byte(i)}})
		table.add(tag{id: nameHash{2}, digest: [32]byte{7}})
	}
	assert.Empty(t, table.bodies)
	table.add(tag{id: nameHash{2}, digest: [32]byte{8}})
	assert.Len(t, table.bodies, 2)
}
