package replay

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// An endlessFS has one file, f, which is a beginning and then a text again and again. It
// calls cancel in an early read, and gives up when it is still read long afterwards.
type endlessFS struct {
	fs.FS
	begin, again string
	cancel       context.CancelFunc
}

func newEndlessFS(begin, again string) *endlessFS {
	return &endlessFS{FS: fstest.MapFS{"f": {}}, begin: begin, again: again}
}

var errReadOn = errors.New("it is read although the context has ended")

func (e *endlessFS) Open(name string) (fs.File, error) {
	f, err := e.FS.Open(name)
	if err != nil || name == "." {
		return f, err
	}
	return &endlessFile{File: f, of: e, rest: e.begin}, nil
}

type endlessFile struct {
	fs.File
	of    *endlessFS
	rest  string
	reads int
}

func (f *endlessFile) Read(b []byte) (n int, err error) {
	const cancelAt, giveUpAt = 3, 100_000
	switch f.reads++; {
	case f.reads == cancelAt:
		f.of.cancel()
	case f.reads > giveUpAt:
		return 0, errReadOn
	case f.reads > cancelAt:
		runtime.Gosched() // so that Run learns of it, on one processor too
	}
	for n < len(b) {
		if f.rest == "" {
			f.rest = f.of.again
		}
		copied := copy(b[n:], f.rest)
		n, f.rest = n+copied, f.rest[copied:]
	}
	return n, nil
}

// randomText is a text that compresses badly, so that little of it is much to read.
func randomText() string {
	r := rand.New(rand.NewPCG(1, 0)) //nolint:gosec // repeatable
	text := make([]byte, 1<<16)
	for i := range text {
		text[i] = byte('a' + r.IntN(26))
	}
	return string(text)
}

// Run returns when its context ends, wherever it is in a file and whatever is there.
func TestRun_endsWithItsContext(t *testing.T) {
	line := "{oops" + strings.Repeat("x", 1000) + "\n"
	const far = 1 << 60
	for name, c := range map[string]struct {
		files    *endlessFS
		position int64 // up to which the file was read before
	}{
		"a hole":                      {newEndlessFS("{}\n", strings.Repeat("\x00", 1<<16)), 0},
		"white space":                 {newEndlessFS("{}\n", strings.Repeat("\n", 1<<16)), 0},
		"a long line":                 {newEndlessFS("{}\n", strings.Repeat("x", 1<<16)), 0},
		"an object without an end":    {newEndlessFS(`{"a":"`, strings.Repeat("x", 1<<16)), 0},
		"bad lines":                   {newEndlessFS("", line), 0},
		"batches":                     {newEndlessFS("", `{"a":"`+strings.Repeat("x", 10_000)+"\"}\n"), 0},
		"gzip":                        {newEndlessFS("", string(zipped(t, randomText()))), 0},
		"zstd":                        {newEndlessFS("", string(zstandard(t, randomText()))), 0},
		"gzip that was read before":   {newEndlessFS("", string(zipped(t, randomText()))), far},
		"zstd that was read before":   {newEndlessFS("", string(zstandard(t, randomText()))), far},
		"gzip that has no text":       {newEndlessFS("", string(zipped(t, ""))), 0},
		"a file that cannot go ahead": {newEndlessFS("", strings.Repeat("\n", 1<<16)), far},
	} {
		t.Run(name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c.files.cancel = cancel
			s, o := newFakeSpool(), Options{Files: c.files, Bad: filepath.Join(t.TempDir(), "bad")}
			s.positions["replay/f"] = c.position
			result, err := s.replay(ctx, o, 1<<30)
			require.ErrorIs(t, err, context.Canceled)
			require.NotErrorIs(t, err, errReadOn)
			assert.Zero(t, result.Files)
			if result.Bad > 0 {
				for _, e := range badLines(t, o.Bad) {
					assert.Equal(t, strings.TrimSuffix(line, "\n"), e.Text, "what was cut off is no entry")
				}
			}
			goleak.VerifyNone(t, before)
		})
	}
}

// What a little of a compressed file becomes may be much: its text is not read on either.
func TestSource_endsInText(t *testing.T) {
	text := strings.Repeat("\x00", 1<<20)
	for name, file := range map[string][]byte{"gzip": zipped(t, text), "zstd": zstandard(t, text)} {
		t.Run(name, func(t *testing.T) {
			require.Less(t, len(file), readBytes, "one read of the file")
			stop := make(chan struct{})
			s, err := openSource(fstest.MapFS{"f": {Data: file}}, "f", readTo{}, &progress{}, stop)
			require.NoError(t, err)
			defer s.close()
			_, err = io.ReadFull(s.text, make([]byte, 10))
			require.NoError(t, err)
			close(stop)
			_, err = io.ReadFull(s.text, make([]byte, len(text)))
			require.ErrorIs(t, err, errStopped)
		})
	}
}

// The listing of the files ends with the context as well.
func TestRun_endsListing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	files := &listedFS{FS: fstest.MapFS{"a/f": {}, "b/f": {}, "c/f": {}}, cancel: cancel}
	_, err := newFakeSpool().replay(ctx, Options{Files: files, Bad: filepath.Join(t.TempDir(), "bad")}, 1)
	require.ErrorIs(t, err, context.Canceled)
	assert.Contains(t, files.opened, "a")
	assert.NotContains(t, files.opened, "b")
}

// A listedFS calls cancel when the folder a is opened.
type listedFS struct {
	fs.FS
	cancel context.CancelFunc
	opened []string
}

func (l *listedFS) Open(name string) (fs.File, error) {
	if l.opened = append(l.opened, name); name == "a" {
		l.cancel()
	}
	return l.FS.Open(name)
}

// What is no batch is noted whole, although the disk has failed in its middle before.
func TestRun_diskFailsInBadLine(t *testing.T) {
	line := "oops" + strings.Repeat("x", 2*readBytes)
	files := &failingFS{FS: fstest.MapFS{"f": {Data: []byte(line + "\n{}")}}, after: 1}
	s, o := newFakeSpool(), Options{Files: files, Bad: filepath.Join(t.TempDir(), "bad")}
	_, err := s.replay(t.Context(), o, 10)
	require.ErrorIs(t, err, errDisk)
	files.after = -1
	_, err = s.replay(t.Context(), o, 10)
	require.NoError(t, err)
	assert.Equal(t, []string{"{}"}, s.stored)
	bad := badLines(t, o.Bad)
	require.Len(t, bad, 1)
	assert.Equal(t, int64(len(line)), bad[0].End)
}

var errDisk = errors.New("input/output error")

// A failingFS has files of which so many reads succeed; negative: all.
type failingFS struct {
	fs.FS
	after int
}

func (f *failingFS) Open(name string) (fs.File, error) {
	file, err := f.FS.Open(name)
	if err != nil || name == "." {
		return file, err
	}
	return &failingFile{file, f.after}, nil
}

type failingFile struct {
	fs.File
	left int
}

func (f *failingFile) Read(b []byte) (int, error) {
	if f.left == 0 {
		return 0, errDisk
	}
	f.left--
	return f.File.Read(b)
}
