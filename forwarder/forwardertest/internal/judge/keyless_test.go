package judge

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/uniform"
)

func at(n time.Duration) time.Time { return time.Unix(1, 0).Add(n * time.Millisecond) }

func TestChoices(t *testing.T) {
	assert.Equal(t, []int{2, 1, 0}, choices([]choice{
		{at(30), 0}, {at(0), 0}, {at(19), 0}, {at(10), 1}, {at(10), 1},
	}, 3), "in the order of time, one for what may be in one batch")
	assert.Equal(t, []int{0, 0}, choices(nil, 2))
}

// Bursts of very different lengths, each to one partition at random, are even.
// Those that prefer one partition, or leave one out, are not.
func TestChoices_bursts(t *testing.T) {
	const partitions, bursts, between = 12, 6000, 20
	counts := func(choose func(*rand.Rand) int32) []int {
		random := rand.New(rand.NewPCG(3, 4))
		var seen []choice
		for i := range time.Duration(bursts) {
			p := choose(random)
			for range 1 + random.IntN(3)*random.IntN(30) {
				seen = append(seen, choice{at(i * between), p})
			}
		}
		return choices(seen, partitions)
	}
	even := func(r *rand.Rand) int32 { return r.Int32N(partitions) }
	assert.Greater(t, uniform.Chance(counts(even)), 0.001)
	assert.Less(t, uniform.Chance(counts(func(r *rand.Rand) int32 { return r.Int32N(partitions - 1) })), uniform.Unlikely)
	assert.Less(t, uniform.Chance(counts(func(r *rand.Rand) int32 { return r.Int32N(partitions+6) % partitions })), uniform.Unlikely)
}
