package uniform_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/uniform"
)

func TestChance(t *testing.T) {
	// Chi-squared of 10 and 30 around 20 is 10 with one degree of freedom, of
	// which tables say 0.00157.
	assert.InDelta(t, 0.00157, uniform.Chance([]int{10, 30}), 0.0003)
	assert.InDelta(t, 1, uniform.Chance([]int{100, 100, 100}), 0.01)
	assert.Less(t, uniform.Chance([]int{60, 0, 0, 0}), uniform.Unlikely)
	assert.InDelta(t, 1, uniform.Chance(nil), 0)
	assert.InDelta(t, 1, uniform.Chance([]int{7}), 0)
}

func TestChance_ofEvenChoices(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	below := 0
	const rounds = 2000
	for range rounds {
		counts := make([]int, 12)
		for range 1200 {
			counts[random.IntN(len(counts))]++
		}
		if uniform.Chance(counts) < 0.01 {
			below++
		}
	}
	assert.InDelta(t, rounds/100, below, 15)
}
