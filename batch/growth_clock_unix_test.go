//go:build unix

package batch

import (
	"syscall"
	"time"
)

// used returns the processor time of this process, in which nothing counts that
// others do on the machine meanwhile.
func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
