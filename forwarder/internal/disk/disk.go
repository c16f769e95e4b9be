// Package disk is what a durable queue asks of a file system: files of a fixed
// size in one folder, written at offsets, and syncs that say when bytes have
// reached the disk. Tests put other implementations in its place, which fail
// writes, fail syncs and cut the power.
package disk

import (
	"errors"
	"io"
	"syscall"
)

// An FS is one folder. Its methods may be called from any number of goroutines.
// A created, renamed or removed name is durable only after SyncDir.
type FS interface {
	// Create makes a file of size bytes, all zero and already written, so that
	// later writes and syncs allocate nothing. It fails if the name exists.
	Create(name string, size int64) (File, error)

	// Open opens a file for reading and writing.
	Open(name string) (File, error)

	// Rename replaces a file that has the new name.
	Rename(from, to string) error

	// Remove deletes a file.
	Remove(name string) error

	// List returns the names of all files in the folder, sorted.
	List() ([]string, error)

	// SyncDir returns when names are durable.
	SyncDir() error

	// Close gives the folder back. Files must have been closed before.
	Close() error
}

// A File is written at offsets below its size. Reads and writes of different
// goroutines may overlap in time, never in bytes.
type File interface {
	io.ReaderAt
	io.WriterAt

	// Sync returns when the bytes of all finished writes are durable. After an
	// error nothing is known of any write since the last sync that succeeded,
	// and a second Sync may succeed without having written them (Rebello et al.,
	// "Can Applications Recover from fsync Failures?", ATC 2020).
	Sync() error

	// Size returns the length of the file in bytes.
	Size() (int64, error)

	// Close gives the file back. Nothing is synced by it.
	Close() error
}

// IsFull reports whether err says that there is no room on the disk.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
