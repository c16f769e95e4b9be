package backoff

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestExponential(t *testing.T) {
	const first, longest = 100 * time.Millisecond, time.Second
	for attempt, want := range []time.Duration{100, 200, 400, 800, 1000, 1000} {
		assert.Equal(t, want*time.Millisecond, Exponential(first, longest, attempt))
	}
	assert.Equal(t, longest, Exponential(first, longest, 1<<30), "it does not overflow")
	assert.Equal(t, longest, Exponential(2*longest, longest, 0))
	assert.Zero(t, Exponential(0, 0, 3))
}

func TestJitter(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	seen := map[time.Duration]bool{}
	for range 1000 {
		d := Jitter(time.Second, r)
		assert.LessOrEqual(t, d, time.Second)
		assert.Greater(t, d, 800*time.Millisecond)
		seen[d] = true
	}
	assert.Greater(t, len(seen), 900)
	assert.Zero(t, Jitter(0, r))
}
