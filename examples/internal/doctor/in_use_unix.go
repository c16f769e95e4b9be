//go:build unix

package doctor

import (
	"errors"
	"syscall"
)

// inUse reports whether somebody listens on the address already.
func inUse(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }
