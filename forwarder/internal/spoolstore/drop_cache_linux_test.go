package spoolstore

import (
	"os"
	"syscall"
)

// dropCache makes the kernel forget the bytes of a file that is synced.
func dropCache(f *os.File) {
	const dontNeed = 4 // POSIX_FADV_DONTNEED
	_, _, _ = syscall.Syscall6(syscall.SYS_FADVISE64, f.Fd(), 0, 0, dontNeed, 0, 0)
}
