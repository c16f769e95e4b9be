package disk

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// An Examination is what a folder is like, for a queue.
type Examination struct {
	Missing bool  // OpenDir would make it, and may
	Locked  bool  // another process has it; Sync was not measured
	Used    int64 // bytes of the files in it
	Free    int64 // bytes that this user may still write there; -1: the system does not tell

	// Sync is how long one takes, of which half take longer.
	Sync time.Duration
}

const (
	examinedSyncs = 5
	examinedBytes = 4096
)

// Examine looks at a folder. It makes none, save for an empty one of another name, which
// it removes, to see that it could. It locks one that is there until it returns, and
// measures with a file of its own, which it removes.
func Examine(path string) (e Examination, err error) {
	e.Free = -1
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Missing = true
		above := folderAbove(path)
		e.Free = freeBytes(above)
		return e, mayMakeIn(above)
	case err != nil:
		return e, err
	case !info.IsDir():
		return e, &fs.PathError{Op: "open", Path: path, Err: errNoFolder}
	}
	e.Free = freeBytes(path)
	if e.Used, err = usedBytes(path); err != nil {
		return e, err
	}
	folder, err := OpenDir(path)
	if errors.Is(err, ErrLocked) {
		e.Locked = true
		return e, nil
	}
	if err != nil {
		return e, err
	}
	e.Sync, err = syncTime(folder)
	return e, errors.Join(err, folder.Close())
}

// Free returns how many bytes this user may still write to the disk of a path; -1: the
// system does not tell.
func Free(path string) int64 { return freeBytes(path) }

var errNoFolder = errors.New("is a file, and not a folder")

// folderAbove returns the first folder above a path that is there.
func folderAbove(path string) string {
	for {
		path = filepath.Dir(path)
		if _, err := os.Stat(path); err == nil || path == filepath.Dir(path) {
			return path
		}
	}
}

// mayMakeIn returns why this user cannot make a folder in another one. It makes one and
// removes it: rights alone do not say what a file system of another kind takes.
func mayMakeIn(folder string) error {
	trial, err := os.MkdirTemp(folder, "examined-")
	if err != nil {
		return err
	}
	return os.Remove(trial)
}

func usedBytes(path string) (used int64, err error) {
	entries, err := os.ReadDir(path)
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil { // it may have gone meanwhile
			used += info.Size()
		}
	}
	return used, err
}

// syncTime writes some bytes and syncs them, several times.
func syncTime(folder FS) (time.Duration, error) {
	name := "examined-" + rand.Text()
	f, err := folder.Create(name, examinedBytes)
	if err != nil {
		return 0, err
	}
	took := make([]time.Duration, examinedSyncs)
	for i := range took {
		start := time.Now()
		if _, err = f.WriteAt([]byte(name), 0); err == nil {
			err = f.Sync()
		}
		if err != nil {
			break
		}
		took[i] = time.Since(start)
	}
	slices.Sort(took)
	return took[examinedSyncs/2], errors.Join(err, f.Close(), folder.Remove(name))
}
