//go:build race

package engine

// modelSchedules is how many are tried, and modelSample how many where a few
// will do: the race detector slows all down.
const (
	modelSchedules = 500
	modelSample    = 20
	raceEnabled    = true
)
