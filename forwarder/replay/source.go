package replay

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// A source is a file that is open at a place in its text.
type source struct {
	text   io.Reader
	closed []func()
	stop   <-chan struct{}
}

// A readTo is up to where the text of a file was read before.
type readTo struct {
	offset int64
	whole  bool // the text ended there
}

// close gives the file back.
func (s *source) close() {
	for i := len(s.closed) - 1; i >= 0; i-- {
		s.closed[i]()
	}
}

// progress counts bytes of files: those that were read, and those that are passed
// over because a former Run has read them.
type progress struct{ read, passed atomic.Int64 }

func (p *progress) sum() int64 { return p.read.Load() + p.passed.Load() }

// A countingReader counts the bytes that were read.
type countingReader struct {
	r    io.Reader
	done *progress
}

func (c countingReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.done.read.Add(int64(n))
	return n, err
}

// A stoppableReader fails once stop is closed. A file may go on for hours without a batch,
// and so may the text that little of it becomes.
type stoppableReader struct {
	r    io.Reader
	stop <-chan struct{}
}

func (s stoppableReader) Read(b []byte) (int, error) {
	select {
	case <-s.stop:
		return 0, errStopped
	default:
		return s.r.Read(b)
	}
}

// What compressed files begin with.
const (
	gzipMagic = "\x1f\x8b"
	zstdMagic = "\x28\xb5\x2f\xfd"
)

// errWhole says that a compressed file was read to its end before.
var errWhole = errors.New("read to its end before")

// openSource opens a file at a place in its text. A compressed file that was read to its
// end is not read again. Once stop is closed, reading fails with errStopped.
func openSource(files fs.FS, path string, at readTo, done *progress, stop <-chan struct{}) (*source, error) {
	f, err := files.Open(path)
	if err != nil {
		return nil, err
	}
	s := &source{stop: stop, closed: []func(){func() { _ = f.Close() }}} // it was only read: the error says nothing
	if err := s.start(f, at, done); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *source) start(f fs.File, at readTo, done *progress) error {
	counted := stoppableReader{countingReader{f, done}, s.stop}
	raw := bufio.NewReaderSize(counted, readBytes)
	begin, err := raw.Peek(len(zstdMagic))
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	s.text = raw
	magic := string(begin)
	switch {
	case strings.HasPrefix(magic, gzipMagic), magic == zstdMagic:
		if at.whole {
			return errWhole
		}
		if err := s.decompress(raw, magic); err != nil {
			return err
		}
	case at.offset > 0:
		if seeker, ok := f.(io.Seeker); ok {
			size, err := seeker.Seek(0, io.SeekEnd)
			if err == nil && size < at.offset {
				return fmt.Errorf("%w at byte %d, up to which it was read", errShorter, at.offset)
			}
			if err == nil {
				_, err = seeker.Seek(at.offset, io.SeekStart)
			}
			if err != nil {
				return err
			}
			done.passed.Add(max(0, at.offset-int64(raw.Buffered())))
			raw.Reset(counted)
			return nil
		}
	}
	if n, err := io.CopyN(io.Discard, s.text, at.offset); err != nil {
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%w at byte %d of %d, up to which it was read", errShorter, n, at.offset)
		}
		return err
	}
	return nil
}

var errShorter = errors.New("the file is not the one that was read before: it ends")

func (s *source) decompress(raw io.Reader, magic string) error {
	if strings.HasPrefix(magic, gzipMagic) {
		z, err := gzip.NewReader(raw)
		if err != nil {
			return err
		}
		s.text, s.closed = stoppableReader{z, s.stop}, append(s.closed, func() { _ = z.Close() }) // its error is that of reading
		return nil
	}
	z, err := zstd.NewReader(raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(128<<20))
	if err != nil {
		return err
	}
	s.text, s.closed = stoppableReader{z, s.stop}, append(s.closed, z.Close)
	return nil
}

// An archive is the files in the order in which they are read.
type archive struct {
	paths []string
	sizes []int64
	total int64
}

// listFiles ends with ctx.
func listFiles(ctx context.Context, files fs.FS) (*archive, error) {
	a := &archive{}
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		a.paths, a.sizes, a.total = append(a.paths, path), append(a.sizes, info.Size()), a.total+info.Size()
		return nil
	})
	return a, err
}
