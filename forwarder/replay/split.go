package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/eventferry/eventferry/batch"
)

// A piece is a part of a file: a batch, or something that cannot be read as one.
type piece struct {
	batch  *batch.Batch // nil: reason says why there is none
	reason error
	file   string // its path in the archive
	text   []byte // of what is no batch, as far as it is kept
	start  int64  // where it begins in the text of the file
	end    int64  // behind it
}

// A splitter cuts the text of a file into pieces. Batches may be one a line, one
// after the other, or in arrays: what stands between them is passed over.
type splitter struct {
	r   io.Reader
	max int

	buf     []byte // read, and not cut yet
	room    []byte // what buf is a part of
	offset  int64  // of buf in the text
	newline int    // index of the first in buf; -1: there is none in its first looked bytes
	looked  int    // how many bytes of buf were searched for a newline
	err     error  // why there is no more to read
}

const (
	readBytes = 256 << 10
	keptBytes = 64 << 10 // of what is no batch
)

func newSplitter(r io.Reader, offset int64, most int) *splitter {
	return &splitter{r: r, max: most, offset: offset, newline: -1}
}

// next returns the next piece. The error is io.EOF, or that of the reader.
func (s *splitter) next() (piece, error) {
	for {
		s.skip(separators(s.buf, s.offset == 0))
		if len(s.buf) > 0 && (s.offset > 0 || len(s.buf) >= len(byteOrderMark) || s.err != nil) {
			break
		}
		if s.err != nil {
			return piece{}, s.err
		}
		s.fill()
	}
	if s.buf[0] != '{' {
		return s.line(0, errors.New("not a JSON object"))
	}
	if p, ok := s.oneLine(); ok {
		return p, nil
	}
	return s.object()
}

const byteOrderMark = "\ufeff"

// separators returns how many bytes at the beginning stand between batches.
func separators(b []byte, first bool) int {
	n := 0
	if first && bytes.HasPrefix(b, []byte(byteOrderMark)) {
		n = len(byteOrderMark)
	}
	for ; n < len(b); n++ {
		switch b[n] {
		case ' ', '\t', '\r', '\n', ',', '[', ']':
		default:
			return n
		}
	}
	return n
}

// oneLine returns the batch that is the whole line. Most files have one on each.
func (s *splitter) oneLine() (piece, bool) {
	for {
		end := s.findNewline()
		if end < 0 && s.err == nil && len(s.buf) <= s.max {
			if s.looked >= readBytes {
				return piece{}, false // it is long, or there are no lines
			}
			s.fill()
			continue
		}
		if end < 0 {
			end = len(s.buf)
		}
		if end > s.max {
			return piece{}, false
		}
		text := bytes.TrimRight(s.buf[:end], " \t\r,]")
		b, err := batch.Parse(bytes.Clone(text))
		if err != nil {
			return piece{}, false
		}
		return s.cut(len(text), b, nil), true
	}
}

func (s *splitter) findNewline() int {
	if s.newline < 0 && s.looked < len(s.buf) {
		if i := bytes.IndexByte(s.buf[s.looked:], '\n'); i >= 0 {
			s.newline = s.looked + i
		}
		s.looked = len(s.buf)
	}
	return s.newline
}

// object returns the object that buf begins with, which may have several lines.
func (s *splitter) object() (piece, error) {
	var in nesting
	for at := 0; ; at++ {
		for at >= len(s.buf) && s.err == nil && len(s.buf) <= s.max {
			s.fill()
		}
		if at >= len(s.buf) || at >= s.max {
			return s.unfinished()
		}
		switch in.take(s.buf[at]) {
		case inside:
		case broken:
			_, err := batch.Parse(s.buf[:at+1]) // the mistake may be before at
			if wrong, ok := errors.AsType[*batch.Error](err); ok {
				at = min(at, int(wrong.Offset))
			}
			return s.brokenAt(at, err)
		case complete:
			text := s.buf[:at+1]
			b, err := batch.Parse(bytes.Clone(text))
			if wrong, ok := errors.AsType[*batch.Error](err); ok && !json.Valid(text) {
				return s.brokenAt(int(wrong.Offset), err)
			}
			return s.cut(at+1, b, err), nil
		}
	}
}

// unfinished returns an object without an end, or whose end is beyond max, as a piece
// that is no batch.
func (s *splitter) unfinished() (piece, error) {
	text := s.buf[:min(len(s.buf), s.max)]
	_, err := batch.Parse(text)
	wrong, ok := errors.AsType[*batch.Error](err)
	if ok && int(wrong.Offset) < len(text) {
		return s.brokenAt(int(wrong.Offset), err)
	}
	if len(s.buf) > s.max || s.err == nil {
		return s.line(len(text), fmt.Errorf("more than %d bytes", s.max))
	}
	if !errors.Is(s.err, io.EOF) {
		return piece{}, s.err // the rest of it cannot be read
	}
	return s.cut(len(s.buf), nil, errors.New("the end of the file is missing")), nil
}

// brokenAt returns an object that is not JSON from at on as a piece that is no batch.
// The piece ends before a line ahead of at that may begin another object, if there is
// one.
func (s *splitter) brokenAt(at int, err error) (piece, error) {
	at = min(at, len(s.buf)-1)
	for i := at - 1; i > 0; {
		if i = bytes.LastIndexByte(s.buf[:i+1], '\n'); i > 0 && beginsBatch(s.buf[i+1]) {
			return s.cut(i, nil, err), nil
		}
		i--
	}
	return s.line(max(at, 0), err)
}

func beginsBatch(c byte) bool { return c == '{' || c == '[' }

// nextLine returns where the first line ends, from a place on, that is followed by
// one that may begin with a batch; -1: nowhere. White space before a bracket says
// that it is inside something.
func nextLine(b []byte, from int) int {
	for at := from; at+1 < len(b); at++ {
		i := bytes.IndexByte(b[at:len(b)-1], '\n')
		if i < 0 {
			return -1
		}
		if at += i; beginsBatch(b[at+1]) {
			return at
		}
	}
	return -1
}

// line returns, as no batch, all up to the next line that may begin with one. It
// keeps the beginning of what is long. The error is that of the reader.
func (s *splitter) line(from int, reason error) (piece, error) {
	p := piece{reason: reason, start: s.offset}
	take := func(n int) {
		p.text = append(p.text, s.buf[:min(n, keptBytes-len(p.text))]...)
		s.skip(n)
		p.end = s.offset
	}
	for {
		if i := nextLine(s.buf, from); i >= 0 {
			take(i)
			return p, nil
		}
		if s.err != nil && !errors.Is(s.err, io.EOF) && !damaged(s.err) {
			return piece{}, s.err // the next Run finds the rest of it
		}
		if s.ended() {
			take(len(s.buf))
			p.text = bytes.TrimRight(p.text, "\r\n")
			return p, nil
		}
		n := len(s.buf)
		if s.buf[n-1] == '\n' { // what follows is not there yet
			n--
		}
		take(n)
		from = 0
		s.fill()
	}
}

// ended reports whether there is no more to read.
func (s *splitter) ended() bool { return s.err != nil }

// cut takes the first n bytes as a piece.
func (s *splitter) cut(n int, b *batch.Batch, reason error) piece {
	p := piece{batch: b, reason: reason, start: s.offset, end: s.offset + int64(n)}
	if b == nil {
		p.text = bytes.Clone(s.buf[:min(n, keptBytes)])
	}
	s.skip(n)
	return p
}

func (s *splitter) skip(n int) {
	s.buf, s.offset = s.buf[n:], s.offset+int64(n)
	s.looked = max(0, s.looked-n)
	if s.newline >= 0 {
		if s.newline -= n; s.newline < 0 { // what is behind it was not looked at
			s.newline, s.looked = -1, 0
		}
	}
}

// fill reads more behind buf, which it may move.
func (s *splitter) fill() {
	if cap(s.buf)-len(s.buf) < readBytes/2 {
		if need := len(s.buf) + readBytes; need > len(s.room) || need < len(s.room)/8 {
			s.room = make([]byte, need+len(s.buf)/2)
		}
		s.buf = s.room[:copy(s.room, s.buf)]
	}
	for range 100 {
		n, err := s.r.Read(s.buf[len(s.buf):cap(s.buf)])
		s.buf, s.err = s.buf[:len(s.buf)+n], err
		if n > 0 || err != nil {
			return
		}
	}
	s.err = io.ErrNoProgress
}
