package disk

import (
	"os"
	"syscall"
)

// syncData leaves out what only the file's times need, so that a file whose
// length stands needs no commit of the file system's journal.
func syncData(f *os.File) error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		if err != syscall.EINTR {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
