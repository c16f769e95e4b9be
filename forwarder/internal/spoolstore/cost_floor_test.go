package spoolstore

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/disk"
)

// commitFor is [writeFor] for callers that share the syncs, and returns how many records they
// had written. Each appends its record to a group, with a checksum, and waits until the group is
// synced. Another goroutine writes and syncs, since a caller that syncs could not return when
// its context ends. Nothing is encoded, checked, counted or noted.
func commitFor(b *testing.B, f disk.File, callers int) int {
	b.Helper()
	type group struct {
		buf    []byte
		synced chan struct{}
	}
	var mu sync.Mutex
	var filling *group
	spares := [][]byte{make([]byte, 0, callers*frameSize(recordBytes)), make([]byte, 0, callers*frameSize(recordBytes))}
	counts := make([]int, callers)
	added, stop := make(chan struct{}, 1), make(chan struct{})
	end := time.Now().Add(roundTime)

	var calling, writing sync.WaitGroup
	for c := range callers {
		calling.Go(func() {
			frame := make([]byte, frameSize(recordBytes))
			for time.Now().Before(end) {
				mu.Lock()
				if filling == nil {
					filling = &group{buf: spares[len(spares)-1], synced: make(chan struct{})}
					spares = spares[:len(spares)-1]
				}
				g := filling
				at := len(g.buf)
				g.buf = append(g.buf, frame...)
				h := header{length: recordBytes, checksum: checksum(g.buf[at+frameHeader:])}
				h.put(g.buf[at:])
				mu.Unlock()
				wake(added)
				<-g.synced
				counts[c]++
			}
		})
	}
	writing.Go(func() {
		at := int64(0)
		for {
			runtime.Gosched() // as the writer of a store does
			mu.Lock()
			g := filling
			filling = nil
			mu.Unlock()
			if g == nil {
				select {
				case <-added:
					continue
				case <-stop:
					return
				}
			}
			if at+int64(len(g.buf)) > 64<<20 {
				at = 0
			}
			if _, err := f.WriteAt(g.buf, at); err != nil {
				b.Error(err)
			}
			if err := f.Sync(); err != nil {
				b.Error(err)
			}
			at += int64(len(g.buf))
			mu.Lock()
			spares = append(spares, g.buf[:0])
			mu.Unlock()
			close(g.synced)
		}
	})
	calling.Wait()
	close(stop)
	writing.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	return total
}
