package engine

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Only what fits now is chosen, whatever has fitted before, and the first kind of
// which there is any.
func TestStickyPartition_choose(t *testing.T) {
	k := newStickyPartition(rand.New(rand.NewPCG(1, 2)))
	every := func(int32) bool { return true }
	none := func(int32) bool { return false }
	one := func(i int32) bool { return i == 3 }
	chosen := map[int32]bool{}
	for range 200 {
		chosen[k.choose(1, 12, every)] = true
		assert.Equal(t, int32(3), k.choose(1, 12, none, one, every))
	}
	assert.Len(t, chosen, 12)
}
