package disk

import (
	"math"
	"syscall"
)

// freeBytes returns how much this user may write where path is; -1: not known.
func freeBytes(path string) int64 {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil || s.Bsize <= 0 || s.Bavail > math.MaxInt64/uint64(s.Bsize) {
		return -1
	}
	return int64(s.Bavail * uint64(s.Bsize)) // fits, as seen above
}
