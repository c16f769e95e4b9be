//go:build !linux

package disk

import "os"

// syncData is what the system has: F_FULLFSYNC on macOS, FlushFileBuffers on
// Windows, fsync elsewhere.
func syncData(f *os.File) error { return f.Sync() }
