package spoolstore

import (
	"errors"
	"io"
	"math"

	"github.com/eventferry/eventferry/forwarder/internal/disk"
)

// A scanner reads the frames of one segment in order.
type scanner struct {
	file    disk.File
	segment uint64
	limit   int64 // where to stop
	frames  int   // index to stop at; math.MaxInt: at the limit only
	at      int64 // of the next frame
	index   int   // that it must have

	ahead int    // how much to read at once
	buf   []byte // bytes of the file from from on
	from  int64
}

const (
	readAhead = 1 << 20  // how much a scanner reads at once
	readOne   = 16 << 10 // how much one does that looks for a single entry
)

func newScanner(s *segment, from mark, limit int64) *scanner {
	return &scanner{file: s.file, segment: s.title.seq, limit: limit, frames: math.MaxInt, at: from.at, index: from.frame, ahead: readAhead}
}

// errGap says that no intact frame is where one could be: the end, or damage.
var errGap = errors.New("no intact frame")

// next returns the next frame, whose payload is valid until the next call.
// io.EOF is the limit, or behind the last frame if it is known how many there are.
func (s *scanner) next() (h header, payload []byte, at int64, err error) {
	if s.index >= s.frames || s.at >= s.limit && s.frames == math.MaxInt {
		return header{}, nil, s.at, io.EOF
	}
	if s.at >= s.limit { // the file has become shorter, by whole frames
		return header{}, nil, s.at, errGap
	}
	b, err := s.bytes(s.at, frameHeader)
	if err != nil {
		return header{}, nil, s.at, err
	}
	h, ok := parseHeader(b, s.segment)
	if !ok || h.index != s.index || s.at+int64(frameSize(h.length)) > s.limit {
		return header{}, nil, s.at, errGap
	}
	b, err = s.bytes(s.at, frameHeader+h.length)
	if err != nil {
		return header{}, nil, s.at, err
	}
	payload = b[frameHeader:]
	if checksum(payload) != h.checksum {
		return header{}, nil, s.at, errGap
	}
	at = s.at
	s.at += int64(frameSize(h.length))
	s.index++
	return h, payload, at, nil
}

// resync moves behind a gap, to the next frame that is intact and has a higher
// index. It returns io.EOF if there is none.
func (s *scanner) resync() (header, error) {
	for at := s.at + frameAlign; at+frameHeader <= s.limit; at += frameAlign {
		b, err := s.bytes(at, frameHeader)
		if errors.Is(err, errGap) { // the file ends before the limit
			break
		}
		if err != nil {
			return header{}, err
		}
		h, ok := parseHeader(b, s.segment)
		if !ok || h.index <= s.index || at+int64(frameSize(h.length)) > s.limit {
			continue
		}
		b, err = s.bytes(at, frameHeader+h.length)
		if errors.Is(err, errGap) {
			continue
		}
		if err != nil {
			return header{}, err
		}
		if checksum(b[frameHeader:]) == h.checksum {
			s.at, s.index = at, h.index
			return h, nil
		}
	}
	s.at = s.limit
	return header{}, io.EOF
}

// bytes returns n bytes of the file.
func (s *scanner) bytes(at int64, n int) ([]byte, error) {
	if at < s.from || at+int64(n) > s.from+int64(len(s.buf)) {
		size := max(n, s.ahead)
		size = int(min(int64(size), max(s.limit-at, int64(n))))
		if cap(s.buf) < size {
			s.buf = make([]byte, size)
		}
		s.buf = s.buf[:size]
		read, err := s.file.ReadAt(s.buf, at)
		s.buf, s.from = s.buf[:read], at
		if read < n {
			if err == nil || errors.Is(err, io.EOF) {
				err = errGap
			}
			return nil, err
		}
	}
	from := at - s.from
	return s.buf[from : from+int64(n) : from+int64(n)], nil
}
