package replay

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// A watchedFS looks at the heap while its files are read.
type watchedFS struct {
	fs.FS
	reads   int
	highest uint64
}

func (w *watchedFS) Open(name string) (fs.File, error) {
	f, err := w.FS.Open(name)
	if err != nil || name == "." {
		return f, err
	}
	return &watchedFile{f, w}, nil
}

type watchedFile struct {
	fs.File
	of *watchedFS
}

func (f *watchedFile) Read(b []byte) (int, error) {
	if f.of.reads++; f.of.reads%256 == 0 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		f.of.highest = max(f.of.highest, m.HeapAlloc)
	}
	return f.File.Read(b)
}

// Memory does not grow with a file of batches, of which none is kept here: 1 GB, or as
// much as the environment says.
//
//	EVENTFERRY_REPLAY_BYTES=20000000000 go test -v -run memoryIsFlat_batches ./forwarder/replay
func TestRun_memoryIsFlat_batches(t *testing.T) {
	size := int64(1 << 30)
	if testing.Short() {
		size = 256 << 20
	}
	if text := os.Getenv("EVENTFERRY_REPLAY_BYTES"); text != "" {
		var err error
		size, err = strconv.ParseInt(text, 10, 64)
		require.NoError(t, err)
	}
	line := `{"mpid":1,"text":"` + strings.Repeat("0123456789abcdef", 570) + `","events":[{"event_type":"custom_event","data":{}}]}` + "\n"
	lines := int(size) / len(line)

	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	files := &watchedFS{FS: generatedFS{fstest.MapFS{"f": {}}, line, lines}}
	r := &replay{
		options:  Options{Files: files, Bad: filepath.Join(t.TempDir(), "bad")}.withDefaults(),
		storeAll: func(context.Context, []*batch.Batch, ...spool.Tag) []error { return nil },
		position: func(string) (int64, bool) { return 0, false },
		reading:  1,
	}
	result, err := r.run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, Result{Files: 1, Stored: lines}, result)
	require.Positive(t, files.highest)
	grown := int64(files.highest) - int64(before.HeapAlloc) //nolint:gosec // no overflow
	t.Logf("%d bytes in %d batches, and the heap grew by %d at most", lines*len(line), lines, grown)
	assert.Less(t, grown, int64(32<<20))
}

// A generatedFS has a file that is a line, many times.
type generatedFS struct {
	fs.FS
	line  string
	lines int
}

func (g generatedFS) Open(name string) (fs.File, error) {
	f, err := g.FS.Open(name)
	if err != nil || name == "." {
		return f, err
	}
	return &generatedFile{File: f, of: g}, nil
}

type generatedFile struct {
	fs.File
	of   generatedFS
	at   int // in the line
	read int // lines
}

func (f *generatedFile) Read(b []byte) (n int, err error) {
	for n < len(b) {
		if f.read == f.of.lines {
			return n, io.EOF
		}
		copied := copy(b[n:], f.of.line[f.at:])
		n += copied
		if f.at += copied; f.at == len(f.of.line) {
			f.at, f.read = 0, f.read+1
		}
	}
	return n, nil
}

// Memory does not grow with a file: here one with two batches and a hole of many
// gigabytes, which takes no room on the disk.
func TestRun_memoryIsFlat(t *testing.T) {
	size := int64(20 << 30)
	if testing.Short() {
		size = 1 << 30
	}
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "sparse"))
	require.NoError(t, err)
	_, err = f.WriteString(`{"n":1}`)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("\n"+`{"n":2,"text":"`+strings.Repeat("x", 100_000)+`"}`), size)
	require.NoError(t, err)
	require.NoError(t, f.Close())

	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	files := &watchedFS{FS: os.DirFS(dir)}
	s := newFakeSpool()
	result, err := s.replay(t.Context(), Options{Files: files, Bad: filepath.Join(t.TempDir(), "bad")}, 10)
	require.NoError(t, err)
	assert.Equal(t, Result{Files: 1, Stored: 2, Bad: 1}, result)
	require.Positive(t, files.highest)
	assert.Less(t, files.highest, before.HeapAlloc+16<<20)
	t.Logf("%d bytes read, and the heap grew by %d at most", size, int64(files.highest)-int64(before.HeapAlloc)) //nolint:gosec // no overflow
}
