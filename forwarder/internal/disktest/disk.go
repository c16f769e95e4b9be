// Package disktest simulates a disk: it keeps any subset of what was not synced
// when the power is cut, and fails writes and syncs on demand.
package disktest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/eventferry/eventferry/forwarder/internal/disk"
)

// ErrPowerCut is the error of everything that is asked of a disk whose power
// was cut.
var ErrPowerCut = errors.New("the power was cut")

// Sector is the number of bytes that reach the disk together or not at all.
const Sector = 512

// An Op is something that is about to be done to a file or to the folder.
type Op struct {
	Kind Kind
	Name string
	Size int // bytes written
}

// Kind says what an [Op] is.
type Kind string

// What can be made to fail.
const (
	Create  Kind = "create"
	Write   Kind = "write"
	Sync    Kind = "sync"
	Rename  Kind = "rename"
	Remove  Kind = "remove"
	SyncDir Kind = "sync folder"
)

// A Disk is a [disk.FS] in memory.
type Disk struct {
	// Before is called before each Op, if it is set. Its error is returned
	// instead of doing it. A sync that fails so may have written anything.
	Before func(Op) error

	// Lie says which syncs return nil and do nothing, if it is set.
	Lie func(Op) bool

	mu      sync.Mutex
	rand    *rand.Rand
	names   map[string]*node // as programs see them
	durable map[string]*node // as a power cut leaves them
	changes []func(map[string]*node)
	off     bool
	open    int
}

var _ disk.FS = (*Disk)(nil)

// New makes an empty disk. All chance comes from seed.
func New(seed uint64) *Disk {
	return &Disk{
		rand:    rand.New(rand.NewPCG(seed, seed)), //nolint:gosec // repeatable is what it must be
		names:   map[string]*node{},
		durable: map[string]*node{},
	}
}

// A node is one file.
type node struct {
	now     []byte
	durable []byte
	dirty   []write // since the last sync
}

type write struct {
	at   int64
	data []byte
}

// keep applies w to the durable bytes, each sector of it only if kept says so.
func (n *node) keep(w write, kept func() bool) {
	for from := int64(0); from < int64(len(w.data)); {
		to := min(int64(len(w.data)), from+Sector-(w.at+from)%Sector)
		if kept() {
			copy(n.durable[w.at+from:], w.data[from:to])
		}
		from = to
	}
}

// Cut cuts the power: d answers nothing any more, and what the next start finds
// is returned. Of what was not synced each sector may have been written or not,
// and of the changes of names all up to some point.
func (d *Disk) Cut() *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off = true
	after := New(d.rand.Uint64())
	names := maps.Clone(d.durable)
	for _, change := range d.changes[:d.rand.IntN(len(d.changes)+1)] {
		change(names)
	}
	likely := d.rand.Float64()
	for name, n := range names {
		image := &node{durable: slices.Clone(n.durable)}
		for _, w := range n.dirty {
			image.keep(w, func() bool { return d.rand.Float64() < likely })
		}
		image.now = slices.Clone(image.durable)
		after.names[name], after.durable[name] = image, image
	}
	return after
}

// Stop ends the process: everything that was written is there, synced or not.
func (d *Disk) Stop() *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off = true
	after := New(d.rand.Uint64())
	after.names, after.durable, after.changes = d.names, d.durable, d.changes
	return after
}

// Bytes returns the content of a file, as programs see it; changing it damages
// the disk.
func (d *Disk) Bytes(name string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.names[name]
	if n == nil {
		return nil
	}
	n.durable = n.now // what is damaged is damaged on the disk
	return n.now
}

// OpenFiles counts the files that were not closed.
func (d *Disk) OpenFiles() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open
}

func (d *Disk) before(op Op) error {
	if d.off {
		return ErrPowerCut
	}
	if d.Before != nil {
		return d.Before(op)
	}
	return nil
}

// change does something to the names, which SyncDir makes durable.
func (d *Disk) change(f func(map[string]*node)) {
	f(d.names)
	d.changes = append(d.changes, f)
}

func missing(name string) error { return fmt.Errorf("%s: %w", name, fs.ErrNotExist) }

// Create implements [disk.FS].
func (d *Disk) Create(name string, size int64) (disk.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.before(Op{Create, name, int(size)}); err != nil {
		return nil, err
	}
	if d.names[name] != nil {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrExist)
	}
	n := &node{now: make([]byte, size), durable: make([]byte, size)}
	d.change(func(names map[string]*node) { names[name] = n })
	d.open++
	return &file{disk: d, name: name, node: n}, nil
}

// Open implements [disk.FS].
func (d *Disk) Open(name string) (disk.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		return nil, ErrPowerCut
	}
	n := d.names[name]
	if n == nil {
		return nil, missing(name)
	}
	d.open++
	return &file{disk: d, name: name, node: n}, nil
}

// Rename implements [disk.FS].
func (d *Disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.before(Op{Kind: Rename, Name: from}); err != nil {
		return err
	}
	if d.names[from] == nil {
		return missing(from)
	}
	d.change(func(names map[string]*node) {
		names[to] = names[from]
		delete(names, from)
	})
	return nil
}

// Remove implements [disk.FS].
func (d *Disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.before(Op{Kind: Remove, Name: name}); err != nil {
		return err
	}
	if d.names[name] == nil {
		return missing(name)
	}
	d.change(func(names map[string]*node) { delete(names, name) })
	return nil
}

// List implements [disk.FS].
func (d *Disk) List() ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		return nil, ErrPowerCut
	}
	return slices.Sorted(maps.Keys(d.names)), nil
}

// SyncDir implements [disk.FS].
func (d *Disk) SyncDir() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	op := Op{Kind: SyncDir}
	if err := d.before(op); err != nil {
		return err
	}
	if d.Lie != nil && d.Lie(op) {
		return nil
	}
	d.durable, d.changes = maps.Clone(d.names), nil
	return nil
}

// Close implements [disk.FS].
func (d *Disk) Close() error { return nil }

type file struct {
	disk   *Disk
	name   string
	node   *node
	closed bool
}

// ReadAt implements [disk.File].
func (f *file) ReadAt(b []byte, at int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.off {
		return 0, ErrPowerCut
	}
	if f.closed {
		return 0, fs.ErrClosed
	}
	if at >= int64(len(f.node.now)) {
		return 0, io.EOF
	}
	n := copy(b, f.node.now[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt implements [disk.File]. A write that is made to fail may have written
// a part.
func (f *file) WriteAt(b []byte, at int64) (int, error) {
	d := f.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if f.closed {
		return 0, fs.ErrClosed
	}
	if at+int64(len(b)) > int64(len(f.node.now)) {
		return 0, fmt.Errorf("%s: a write at %d leaves the file", f.name, at)
	}
	err := d.before(Op{Write, f.name, len(b)})
	if err != nil {
		if errors.Is(err, ErrPowerCut) {
			return 0, err
		}
		b = b[:d.rand.IntN(len(b)+1)]
	}
	data := slices.Clone(b)
	copy(f.node.now[at:], data)
	f.node.dirty = append(f.node.dirty, write{at, data})
	return len(b), err
}

// Sync implements [disk.File]. One that is made to fail leaves nothing to be
// written by the next: what it has not written is lost.
func (f *file) Sync() error {
	d := f.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if f.closed {
		return fs.ErrClosed
	}
	op := Op{Kind: Sync, Name: f.name}
	err := d.before(op)
	if errors.Is(err, ErrPowerCut) || err == nil && d.Lie != nil && d.Lie(op) {
		return err
	}
	for _, w := range f.node.dirty {
		f.node.keep(w, func() bool { return err == nil || d.rand.IntN(2) == 0 })
	}
	f.node.dirty = nil
	return err
}

// Size implements [disk.File].
func (f *file) Size() (int64, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return int64(len(f.node.now)), nil
}

// Close implements [disk.File].
func (f *file) Close() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.closed {
		return fs.ErrClosed
	}
	f.closed = true
	f.disk.open--
	return nil
}
