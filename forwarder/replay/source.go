package replay

import (
	"bufio"
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

// What compressed files begin with.
const (
	gzipMagic = "\x1f\x8b"
	zstdMagic = "\x28\xb5\x2f\xfd"
)

// errWhole says that a compressed file was read to its end before.
var errWhole = errors.New("read to its end before")

// openSource opens a file at an offset in its text. whole reports whether the text
// ended there before: a compressed file is not read again then.
func openSource(files fs.FS, path string, offset int64, whole bool, done *progress) (*source, error) {
	f, err := files.Open(path)
	if err != nil {
		return nil, err
	}
	s := &source{closed: []func(){func() { _ = f.Close() }}} // it was only read: the error says nothing
	if err := s.start(f, offset, whole, done); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *source) start(f fs.File, offset int64, whole bool, done *progress) error {
	raw := bufio.NewReaderSize(countingReader{f, done}, readBytes)
	begin, err := raw.Peek(len(zstdMagic))
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	s.text = raw
	magic := string(begin)
	switch {
	case strings.HasPrefix(magic, gzipMagic), magic == zstdMagic:
		if whole {
			return errWhole
		}
		if err := s.decompress(raw, magic); err != nil {
			return err
		}
	case offset > 0:
		if seeker, ok := f.(io.Seeker); ok {
			size, err := seeker.Seek(0, io.SeekEnd)
			if err == nil && size < offset {
				return fmt.Errorf("%w at byte %d, up to which it was read", errShorter, offset)
			}
			if err == nil {
				_, err = seeker.Seek(offset, io.SeekStart)
			}
			if err != nil {
				return err
			}
			done.passed.Add(max(0, offset-int64(raw.Buffered())))
			raw.Reset(countingReader{f, done})
			return nil
		}
	}
	if n, err := io.CopyN(io.Discard, s.text, offset); err != nil {
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%w at byte %d of %d, up to which it was read", errShorter, n, offset)
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
		s.text, s.closed = z, append(s.closed, func() { _ = z.Close() }) // its error is that of reading
		return nil
	}
	z, err := zstd.NewReader(raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(128<<20))
	if err != nil {
		return err
	}
	s.text, s.closed = z, append(s.closed, z.Close)
	return nil
}

// An archive is the files in the order in which they are read.
type archive struct {
	paths []string
	sizes []int64
	total int64
}

func listFiles(files fs.FS) (*archive, error) {
	a := &archive{}
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
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
