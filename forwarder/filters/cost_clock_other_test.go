//go:build !unix

package filters_test

import "time"

const clock = "wall time"

var started = time.Now()

func now() time.Duration { return time.Since(started) }
