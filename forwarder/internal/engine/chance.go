package engine

import (
	"math/rand/v2"
	"time"
)

// Chance comes from one seed, in streams that do not touch each other, so that
// a run can be repeated whatever the order in which goroutines get to draw.
const (
	chanceKeyless uint64 = iota << 40
	chanceQueue
	chanceLeader
	chanceDirectory
	chanceIDs
)

func newSeed() uint64 { return rand.Uint64() }

func (e *Engine) chance(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(e.seed, stream)) }

const (
	firstPause   = 50 * time.Millisecond
	longestPause = time.Second // as Java's retry.backoff.max.ms and reconnect.backoff.max.ms
)

// pause is how long to wait after so many failures in a row. After the first
// there is no need to: what was idle for long, or has just moved, works when it
// is tried again.
func pause(failures int, r *rand.Rand) time.Duration {
	if failures <= 1 {
		return 0
	}
	d := min(firstPause<<min(failures-2, 10), longestPause)
	return d - time.Duration(r.Int64N(int64(d)/5)) // so that not all come at the same time
}
