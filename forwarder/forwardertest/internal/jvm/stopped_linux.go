package jvm

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// stopped reports whether all threads of a process have stopped. The kernel
// stops them one by one, some time after the signal.
func stopped(pid int) (bool, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil {
		return false, err
	}
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the thread has ended
		}
		if err != nil {
			return false, err
		}
		// "pid (name) state ...", and the name may hold anything.
		i := bytes.LastIndexByte(stat, ')')
		if i < 0 || i+2 >= len(stat) || !bytes.ContainsRune([]byte("TtZX"), rune(stat[i+2])) {
			return false, nil
		}
	}
	return len(files) > 0, nil
}
