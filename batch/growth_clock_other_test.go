//go:build !unix

package batch

import "time"

var processStart = time.Now()

// used returns the time that has passed.
func used() time.Duration { return time.Since(processStart) }
