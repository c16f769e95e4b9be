// Package folder makes the names of new files durable.
package folder

import (
	"errors"
	"os"
	"runtime"
)

// Sync makes the names of the files in a folder durable. Windows has no such call.
func Sync(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
