package bench

import (
	"crypto/sha256"
	"time"
)

// NoiseCommand is the argument with which this program does the fixed work.
const NoiseCommand = "noise"

// FixedWork takes the same time on a machine at rest: how its seconds vary is
// noise.
func FixedWork() float64 {
	const times = 20
	block := make([]byte, 1<<20)
	began := time.Now()
	for range times {
		sha256.Sum256(block)
	}
	return time.Since(began).Seconds() / times
}
