//go:build unix

package jvm

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"
)

const (
	terminate = syscall.SIGTERM
	pause     = syscall.SIGSTOP
	resume    = syscall.SIGCONT
)

func supported() error { return nil }

// tryLock takes the lock of an open file, which falls with the process. It
// reports false when another process, or another open file of this one, has it.
func tryLock(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// lock waits until it has the lock of the file at path, which it makes.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("jvm: %w", err)
	}
	for !tryLock(f) {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			_ = f.Close()
			return nil, fmt.Errorf("jvm: waiting for the lock of %s: %w", path, ctx.Err())
		}
	}
	return func() { _ = f.Close() }, nil
}
