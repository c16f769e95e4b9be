package bench

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
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

// noiseProcess does it on the core that clients have, as long as none runs.
func noiseProcess(ctx context.Context) (seconds float64, err error) {
	program, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("bench: %w", err)
	}
	out, err := onCore(ctx, clientCore, program, NoiseCommand).Output()
	if err == nil {
		_, err = fmt.Sscan(string(out), &seconds)
	}
	if err != nil {
		return 0, fmt.Errorf("bench: noise: %w", err)
	}
	return seconds, nil
}
