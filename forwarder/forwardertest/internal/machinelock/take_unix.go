//go:build unix

package machinelock

import (
	"os"
	"syscall"
)

// take reports false when another open file has the lock.
func take(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
