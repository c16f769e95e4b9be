//go:build race

package cost

// raceEnabled reports whether the race detector runs, which empties pools by chance.
const raceEnabled = true
