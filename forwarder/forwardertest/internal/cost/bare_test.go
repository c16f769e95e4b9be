//go:build unix

package cost

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disk"
)

// bareFiles are one for what is stored and one for intents.
type bareFiles struct {
	data, control     disk.File
	dataAt, controlAt int64
	buf               []byte
}

const (
	bareSize  = 64 << 20
	bareBatch = 9400    // bytes of a batch in the data file, about
	bareBlock = 1 << 10 // of a request's intents
)

func newBareFiles(b *testing.B, dir string) *bareFiles {
	fs, err := disk.OpenDir(dir)
	require.NoError(b, err)
	f := &bareFiles{buf: make([]byte, 8<<20)}
	f.data, err = fs.Create("data", bareSize)
	require.NoError(b, err)
	f.control, err = fs.Create("control", bareSize)
	require.NoError(b, err)
	b.Cleanup(func() {
		require.NoError(b, f.data.Close())
		require.NoError(b, f.control.Close())
		require.NoError(b, fs.Close())
	})
	return f
}

// write writes and syncs so many bytes with so many syncs, and blocks of intents
// with as many on another goroutine at the same time, and returns how long all
// takes.
func (f *bareFiles) write(b *testing.B, syncs, bytes, intents int) time.Duration {
	start := time.Now()
	var both sync.WaitGroup
	both.Go(func() { writeSynced(b, f.data, &f.dataAt, f.buf[:min(len(f.buf), bytes/max(1, syncs))], syncs) })
	both.Go(func() { writeSynced(b, f.control, &f.controlAt, f.buf[:bareBlock], intents) })
	both.Wait()
	return time.Since(start)
}

func writeSynced(b *testing.B, f disk.File, at *int64, buf []byte, syncs int) {
	for range syncs {
		if *at+int64(len(buf)) > bareSize {
			*at = 0
		}
		_, err := f.WriteAt(buf, *at)
		require.NoError(b, err)
		require.NoError(b, f.Sync())
		*at += int64(len(buf))
	}
}

// A bareLoop writes and syncs what callers bring, together what came meanwhile, as a
// spool does, and does nothing else.
type bareLoop struct {
	files *bareFiles
	woken chan struct{}
	syncs atomic.Int64

	mu      sync.Mutex
	filling *bareGroup // nil: nobody has come since the last one was taken
}

type bareGroup struct {
	bytes  int
	synced chan struct{}
}

func newBareLoop(b *testing.B, files *bareFiles) *bareLoop {
	l := &bareLoop{files: files, woken: make(chan struct{}, 1)}
	var running sync.WaitGroup
	running.Go(func() {
		for range l.woken {
			runtime.Gosched() // others may come along
			l.mu.Lock()
			g := l.filling
			l.filling = nil
			l.mu.Unlock()
			if g == nil {
				continue
			}
			writeSynced(b, l.files.data, &l.files.dataAt, l.files.buf[:min(g.bytes, len(l.files.buf))], 1)
			l.syncs.Add(1)
			close(g.synced)
		}
	})
	b.Cleanup(func() {
		close(l.woken)
		running.Wait()
	})
	return l
}

// store returns when so many bytes are synced.
func (l *bareLoop) store(bytes int) {
	l.mu.Lock()
	if l.filling == nil {
		l.filling = &bareGroup{synced: make(chan struct{})}
	}
	g := l.filling
	g.bytes += bytes
	l.mu.Unlock()
	select {
	case l.woken <- struct{}{}:
	default:
	}
	<-g.synced
}
