package jvm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// lockFile is in each folder and locked while the process lives that made it.
const lockFile = "lock"

// A Folder holds the files of one run. It is named after prefix and this
// process's id; what killed processes left behind under prefix goes with the
// next [NewFolder].
type Folder struct {
	Path string
	lock *os.File
}

// NewFolder makes a folder in base, which must exist, and removes those there
// with the same prefix whose process has ended.
func NewFolder(base, prefix string) (*Folder, error) {
	sweep(base, prefix)
	// Under its final name from the moment it is locked: a sweep never sees it
	// unlocked.
	tmp, err := os.MkdirTemp(base, ".new-"+prefix+"-")
	if err != nil {
		return nil, fmt.Errorf("jvm: %w", err)
	}
	f, err := os.Create(filepath.Join(tmp, lockFile))
	if err == nil && !tryLock(f) {
		err = errors.New("a new file is locked")
	}
	path := filepath.Join(base, prefix+"-"+strconv.Itoa(os.Getpid())+filepath.Base(tmp)[len(".new-"+prefix):])
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		_ = f.Close() // harmless on nil
		_ = os.RemoveAll(tmp)
		return nil, fmt.Errorf("jvm: %w", err)
	}
	return &Folder{Path: path, lock: f}, nil
}

// Remove removes the folder with all that is in it. A second call does nothing.
func (f *Folder) Remove() error {
	err := os.RemoveAll(f.Path)
	_ = f.lock.Close()
	if err != nil {
		return fmt.Errorf("jvm: %w", err)
	}
	return nil
}

// sweep removes folders of ended processes. What it cannot remove stays for
// the next.
func sweep(base, prefix string) {
	dirs, err := filepath.Glob(filepath.Join(base, prefix+"-*"))
	if err != nil {
		return
	}
	for _, dir := range dirs {
		if abandoned(dir) {
			_ = os.RemoveAll(dir)
		}
	}
}

func abandoned(dir string) bool {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return true // half removed: every folder begins with it
	}
	if err != nil {
		return false
	}
	defer f.Close()
	return tryLock(f)
}
