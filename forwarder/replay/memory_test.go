package replay

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
