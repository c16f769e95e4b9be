package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrLocked is the cause of an error of [OpenDir] if another process has the
// folder.
var ErrLocked = errors.New("in use by another process")

const (
	lockName = "lock"
	fileMode = 0o600
	dirMode  = 0o700
)

// A dir is a real folder.
type dir struct {
	path string
	lock *os.File
	self *os.File // the folder, for SyncDir
}

// OpenDir makes the folder if there is none, with rights for its owner only,
// and locks it against other processes until Close.
func OpenDir(path string) (FS, error) {
	if err := os.MkdirAll(path, dirMode); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(path, lockName), os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	if err := lockFile(lock); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), lock.Close())
	}
	self, err := os.Open(path)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &dir{path: path, lock: lock, self: self}, nil
}

// zeros is as much as Create writes at once.
const zeros = 1 << 20

// Create implements [FS].
func (d *dir) Create(name string, size int64) (File, error) {
	f, err := os.OpenFile(d.name(name), os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return nil, err
	}
	if err := fill(f, size); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(d.name(name)))
	}
	return osFile{f}, nil
}

func fill(f *os.File, size int64) error {
	chunk := make([]byte, min(size, zeros))
	for at := int64(0); at < size; at += int64(len(chunk)) {
		if _, err := f.WriteAt(chunk[:min(int64(len(chunk)), size-at)], at); err != nil {
			return err
		}
	}
	return f.Sync() // the length, too
}

// Open implements [FS].
func (d *dir) Open(name string) (File, error) {
	f, err := os.OpenFile(d.name(name), os.O_RDWR, fileMode)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Rename implements [FS].
func (d *dir) Rename(from, to string) error { return os.Rename(d.name(from), d.name(to)) }

// Remove implements [FS].
func (d *dir) Remove(name string) error { return os.Remove(d.name(name)) }

// List implements [FS].
func (d *dir) List() ([]string, error) {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.Type()&fs.ModeType == 0 && e.Name() != lockName {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// SyncDir implements [FS].
func (d *dir) SyncDir() error { return syncDir(d.self) }

// Close implements [FS].
func (d *dir) Close() error { return errors.Join(d.self.Close(), d.lock.Close()) }

func (d *dir) name(name string) string { return filepath.Join(d.path, name) }

type osFile struct{ *os.File }

// Sync implements [File].
func (f osFile) Sync() error { return syncData(f.File) }

// Size implements [File].
func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
