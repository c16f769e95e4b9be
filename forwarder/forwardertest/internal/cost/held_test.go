//go:build unix

package cost

import (
	"fmt"
	"os"
	"runtime"
	"time"
)

// held is what a process has at one moment.
type held struct {
	heap       int64 // bytes
	stacks     int64 // bytes of goroutines
	goroutines int
	files      int // descriptors; -1: this system does not tell
}

// heldNow waits for what has ended to go: goroutines take a moment.
func heldNow() held {
	var h held
	for i, same := 0, 0; i < 500 && same < 10; i++ {
		n := runtime.NumGoroutine()
		if same++; i == 0 || n != h.goroutines {
			h.goroutines, same = n, 0
		}
		<-time.After(10 * time.Millisecond)
	}
	runtime.GC()
	runtime.GC() // the second empties what the first moved aside, sync.Pool's
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	h.heap, h.stacks, h.files = int64(m.HeapAlloc), int64(m.StackInuse), -1 //nolint:gosec // bytes of memory
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		h.files = len(open)
	}
	return h
}

// since returns what has been added.
func (h held) since(before held) held {
	h.heap -= before.heap
	h.stacks -= before.stacks
	h.goroutines -= before.goroutines
	if h.files >= 0 {
		h.files -= before.files
	}
	return h
}

func (h held) String() string {
	return fmt.Sprintf("%8d bytes of heap, %7d of stacks, %3d goroutines, %2d files", h.heap, h.stacks, h.goroutines, h.files)
}
