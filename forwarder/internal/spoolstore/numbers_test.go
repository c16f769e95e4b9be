package spoolstore

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A set of numbers is what a plain set would be, whatever its chunks are like, and also
// when it was encoded and read again.
func TestNumbers(t *testing.T) {
	const most = 5 * chunkSize
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // repeatable
		ledger, plain := newLedger(), make([]bool, most)
		plain[0] = true // as no message has the number 0
		for range 200 {
			longest := []int{1, 10, 1000, 2 * chunkSize}[r.IntN(4)]
			first := r.IntN(most)
			add := Range{uint64(first), uint64(min(most, first+1+r.IntN(longest)))} //nolint:gosec // not negative
			fresh := 0
			for n := add.First; n < add.Next; n++ {
				if !plain[n] {
					plain[n] = true
					fresh++
				}
			}
			require.Equal(t, fresh, ledger.done.add(add))
			if r.IntN(20) == 0 {
				ledger.doubtful.add(Range{add.First, add.First + 1})
			}
			if r.IntN(20) == 0 {
				encoded := ledger.encode()
				require.LessOrEqual(t, len(encoded), ledger.size())
				ledger = newLedger()
				require.NoError(t, ledger.apply(encoded))
			}
		}
		assertSame(t, plain, ledger.done)
	}
}

func assertSame(t *testing.T, plain []bool, set *numbers) {
	t.Helper()
	total := 0
	for n, there := range plain {
		require.Equal(t, there, set.has(uint64(n)), "number %d", n) //nolint:gosec // not negative
		if there {
			total++
		}
	}
	assert.Equal(t, total, set.count(Range{0, uint64(len(plain))}))
	missed := 0
	for at := uint64(0); ; {
		gap := set.missing(Range{at, uint64(len(plain))})
		if gap.First == gap.Next {
			break
		}
		require.True(t, gap.First == 0 || plain[gap.First-1], "missing from %d on", gap.First)
		for n := gap.First; n < gap.Next; n++ {
			require.False(t, plain[n], "number %d", n)
		}
		missed += gap.Len()
		at = gap.Next
	}
	assert.Equal(t, len(plain)-total, missed)
}
