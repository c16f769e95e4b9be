//go:build !unix

package forwarder

import "time"

const clock = "wall time"

var started = time.Now()

func now() time.Duration { return time.Since(started) }
