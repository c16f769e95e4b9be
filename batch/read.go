package batch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
)

// Read iterates over the batches of a stream: JSON objects one after the other,
// one per line or not, with any white space between them. Each batch has bytes
// of its own, so it may be kept.
//
// A batch of more than maxBytes is an error; 0 stands for the limit of [Parse].
// Errors end the iteration, and r is left somewhere behind what was read: after
// a mistake nobody can tell where the next batch begins. What is wrong with a
// batch is an [*Error] with the offset in the stream.
func Read(r io.Reader, maxBytes int) iter.Seq2[*Batch, error] {
	return func(yield func(*Batch, error) bool) {
		s := stream{r: r, max: maxBytes}
		for {
			b, err := s.next()
			if b == nil && err == nil || !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// A stream cuts what it reads into objects.
type stream struct {
	r      io.Reader
	max    int
	buf    []byte // read, and not yet returned
	seen   int    // how much of buf was looked at
	offset int64  // of buf in the stream
	err    error  // why there is no more to read
}

// next returns the next batch, or none at the end of the stream.
func (s *stream) next() (*Batch, error) {
	depth, inString, escaped := 0, false, false
	for {
		for ; s.seen < len(s.buf); s.seen++ {
			switch c := s.buf[s.seen]; {
			case escaped:
				escaped = false
			case inString:
				escaped, inString = c == '\\', c != '"'
			case c == '"':
				inString = true
			case c == '{' || c == '[':
				depth++
			case c == '}' || c == ']':
				depth--
			}
			if depth > 0 {
				continue
			}
			if s.seen == 0 && isSpace(s.buf[0]) {
				s.skip(1)
				s.seen--
				continue
			}
			return s.parse(s.seen + 1)
		}
		if s.max > 0 && len(s.buf) > s.max {
			return s.tooLong()
		}
		if s.err == nil {
			s.fill()
			continue
		}
		if s.err != io.EOF {
			return nil, fmt.Errorf("batch: reading at byte %d: %w", s.offset+int64(len(s.buf)), s.err)
		}
		if len(s.buf) == 0 {
			return nil, nil
		}
		return s.parse(len(s.buf))
	}
}

// parse makes a batch of the first n bytes, which may be anything.
func (s *stream) parse(n int) (*Batch, error) {
	if s.max > 0 && n > s.max {
		return s.tooLong()
	}
	b, err := Parse(bytes.Clone(s.buf[:n]))
	if bad, ok := errors.AsType[*Error](err); ok {
		bad.Offset += s.offset
	}
	s.skip(n)
	return b, err
}

// tooLong finds out whether the batch is too long because of a mistake in it.
func (s *stream) tooLong() (*Batch, error) {
	return nil, &Error{Offset: s.offset, Reason: fmt.Sprintf("batch of more than %d bytes", s.max)}
}

// skip drops the first n bytes.
func (s *stream) skip(n int) {
	s.buf, s.seen, s.offset = s.buf[n:], 0, s.offset+int64(n)
}

// fill reads more.
func (s *stream) fill() {
	s.buf = slices.Grow(s.buf, 4096)
	var n int
	n, s.err = s.r.Read(s.buf[len(s.buf):cap(s.buf)])
	s.buf = s.buf[:len(s.buf)+n]
}
