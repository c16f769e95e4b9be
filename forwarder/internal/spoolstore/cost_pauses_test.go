package spoolstore

import (
	"sync"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/disk"
)

// pauses is how long nothing was written or synced, from the end of one sync to the next write, and
// how long the rest took. Medians say more than a rate while other programs use the disk.
type pauses struct {
	mu     sync.Mutex
	list   []float64 // in microseconds
	busy   []float64 // from a write to the end of its sync, the same
	began  time.Time // the last write
	synced time.Time // zero: nothing was synced since the last call of begin
}

// begin forgets the last sync: what follows it belongs to another round.
func (p *pauses) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.synced = time.Time{}
}

// of has the pauses of f noted.
func (p *pauses) of(f disk.File) disk.File { return pausingFile{f, p} }

type pausingFile struct {
	disk.File
	p *pauses
}

func (f pausingFile) WriteAt(b []byte, at int64) (int, error) {
	f.p.mu.Lock()
	f.p.began = time.Now()
	if !f.p.synced.IsZero() {
		f.p.list = append(f.p.list, microseconds(f.p.began.Sub(f.p.synced)))
		f.p.synced = time.Time{}
	}
	f.p.mu.Unlock()
	return f.File.WriteAt(b, at)
}

func (f pausingFile) Sync() error {
	err := f.File.Sync()
	f.p.mu.Lock()
	defer f.p.mu.Unlock()
	f.p.synced = time.Now()
	f.p.busy = append(f.p.busy, microseconds(f.p.synced.Sub(f.p.began)))
	return err
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// A pausingFS has the pauses of segments noted.
type pausingFS struct {
	disk.FS
	p *pauses
}

func (fs pausingFS) Create(name string, size int64) (disk.File, error) {
	f, err := fs.FS.Create(name, size)
	if _, segment := segmentNumber(name); err != nil || !segment {
		return f, err
	}
	return fs.p.of(f), nil
}
