//go:build !race

package engine

// modelSchedules is how many are tried, and modelSample how many where a few
// will do.
const (
	modelSchedules = 5000
	modelSample    = 100
	raceEnabled    = false
)
