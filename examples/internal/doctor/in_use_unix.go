//go:build unix

package doctor

import (
	"errors"
	"syscall"
)

// inUse reports whether another process listens on the address already.
func inUse(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }
