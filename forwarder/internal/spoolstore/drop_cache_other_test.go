//go:build !linux

package spoolstore

import "os"

// dropCache does nothing: the files are read from memory.
func dropCache(*os.File) {}
