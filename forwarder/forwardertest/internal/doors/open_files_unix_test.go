//go:build unix

package doors

import "syscall"

// openFiles returns how many files this process may have open, 0 if there is no limit
// or it is not known.
func openFiles() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil || limit.Cur > 1<<30 {
		return 0
	}
	return int(limit.Cur) //nolint:gosec // bounded, and unsigned on some systems
}
