package engine

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWireRatio(t *testing.T) {
	limits := sendLimits{request: 2_000_000, fitting: 1_000_000, onWire: 1_001_000, telling: 10_000}
	var w wireRatio
	assert.Equal(t, 1_000_000, w.most(limits), "nothing is known")
	w.observe(9_999, 10, limits)
	w.observe(1_000_000, 0, limits) // the connection does not count
	assert.Equal(t, 1_000_000, w.most(limits), "nothing was told")
	w.observe(100_000, 25_000, limits)
	assert.Equal(t, 2_000_000, w.most(limits), "it compresses well")
	w.observe(100_000, 50_000, limits)
	assert.InDelta(t, 1_601_600, w.most(limits), 1, "the worst counts, with a margin")
	w.observe(100_000, 25_000, limits)
	assert.Greater(t, w.most(limits), 1_601_600)
	assert.Less(t, w.most(limits), 1_700_000, "it is forgotten slowly")
	w.observe(100_000, 101_000, limits)
	assert.Equal(t, 1_000_000, w.most(limits), "it does not compress at all: as if nothing was known")
	for range 100 {
		w.observe(100_000, 25_000, limits)
	}
	assert.Equal(t, 2_000_000, w.most(limits))
}
