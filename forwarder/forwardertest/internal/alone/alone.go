// Package alone keeps tests that load the machine from running at the same
// time, whatever process they are in: go test runs packages side by side, and
// what two of them measure or wait for is wrong then.
package alone

import (
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
