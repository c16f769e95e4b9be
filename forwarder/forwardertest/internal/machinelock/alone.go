// Package machinelock keeps tests that load the machine from running at the same
// time, whatever process they are in: go test runs packages side by side, and
// what two of them measure or wait for is wrong then.
package machinelock

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

const (
	name = "eventferry-alone.lock"
	poll = 50 * time.Millisecond
)

// Lock waits until no other test holds the lock, takes it, and gives it back
// when the test has ended. The lock falls with the process, however it ends.
// Where there is no such lock, tests run side by side.
func Lock(t testing.TB) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(os.TempDir(), name), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	for !take(f) {
		select {
		case <-time.After(poll):
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
}

// ErrTaken is the error of Try for a file that another one has locked.
var ErrTaken = errors.New("machinelock: another has the lock")

// Try locks a file, which it makes if there is none, unless it is locked already, in
// this process or another one. Closing the file gives the lock back, and it falls with
// the process. Where there is no such lock, it succeeds.
func Try(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the caller's
	if err != nil {
		return nil, fmt.Errorf("machinelock: %w", err)
	}
	if !take(f) {
		_ = f.Close()
		return nil, ErrTaken
	}
	return f, nil
}
