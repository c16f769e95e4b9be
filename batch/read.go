package batch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"

	"github.com/eventferry/eventferry/batch/internal/jsontext"
)

// Read iterates over the batches of a stream: JSON objects one after the other,
// one per line or not, with any white space between them. Each batch has bytes
// of its own, so it may be kept.
//
// A batch of more than maxBytes is an error; 0 stands for the limit of [Parse]. An
// error that says what is wrong with a batch is an [*Error] with the offset in the
// stream.
//
// Read goes on behind an object that is JSON and no batch, so a loop that skips
// errors gets all batches. It ends with any other error, and r is left somewhere
// behind the bytes that were read: where the text is no JSON, or too long, it is
// not certain where the next batch begins. More than 1,000 objects and arrays
// inside one another end it as well, although RFC 8259 allows them: the rest of
// them is not checked.
//
// Only [io.EOF] itself is the end of r. An error that wraps it is returned, as any
// other error of r is, in an error that wraps it and is no [*Error].
func Read(r io.Reader, maxBytes int) iter.Seq2[*Batch, error] {
	return func(yield func(*Batch, error) bool) {
		s := newStream(r, maxBytes)
		for !s.ended {
			b, err := s.next()
			if b == nil && err == nil || !yield(b, err) {
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
	offset int64  // of buf in the stream
	err    error  // why there is no more to read
	ended  bool   // after an error behind which no batch is looked for

	sound bool // the last object was JSON, so it is known where it ended

	// Of the object that buf begins with:
	seen              int // how much of it was looked at
	depth             int // how many brackets are open there
	inString, escaped bool
}

func newStream(r io.Reader, maxBytes int) *stream {
	if maxBytes <= 0 {
		maxBytes = math.MaxInt32
	}
	return &stream{r: r, max: maxBytes}
}

// next returns the next batch, or none at the end of the stream.
func (s *stream) next() (*Batch, error) {
	b, err := s.read()
	s.ended = err != nil && !s.sound
	return b, err
}

func (s *stream) read() (*Batch, error) {
	s.sound = false
	for {
		for len(s.buf) > 0 && jsontext.IsSpace(s.buf[0]) {
			s.skip(1)
		}
		if len(s.buf) > 0 && s.buf[0] != '{' {
			return nil, s.noObject()
		}
		n := s.object()
		switch {
		case n > 0 && !s.tooLong(n):
			return s.parse(n)
		case n > 0 || s.tooLong(len(s.buf)):
			return nil, s.refuse()
		case s.err == nil:
			s.fill()
		case s.err != io.EOF: //nolint:errorlint // as in package bufio: wrapped it is a failure of the reader
			return nil, fmt.Errorf("batch: reading at byte %d: %w", s.offset+int64(len(s.buf)), s.err)
		case len(s.buf) == 0:
			return nil, nil
		default: // the end is missing
			return s.parse(len(s.buf))
		}
	}
}

// noObject returns the error for text that does not begin with an object.
func (s *stream) noObject() *Error {
	for s.buf[0] == byteOrderMark[0] && len(s.buf) < len(byteOrderMark) && s.err == nil {
		s.fill()
	}
	if bytes.HasPrefix(s.buf, []byte(byteOrderMark)) {
		bad := explain(s.buf, 0)
		bad.Offset = s.offset
		return bad
	}
	return &Error{Offset: s.offset, Reason: "not a JSON object"}
}

// object returns the length of the object that buf begins with, or 0 when its
// end is not there yet. It counts brackets and leaves all else to Parse.
func (s *stream) object() int {
	for ; s.seen < len(s.buf); s.seen++ {
		switch c := s.buf[s.seen]; {
		case s.escaped:
			s.escaped = false
		case s.inString:
			s.escaped, s.inString = c == '\\', c != '"'
		case c == '"':
			s.inString = true
		case c == '{' || c == '[':
			s.depth++
		case c == '}' || c == ']':
			if s.depth--; s.depth == 0 {
				return s.seen + 1
			}
		}
	}
	return 0
}

// parse makes a batch of the first n bytes.
func (s *stream) parse(n int) (*Batch, error) {
	text := bytes.Clone(s.buf[:n])
	b, err := Parse(text)
	if bad, ok := errors.AsType[*Error](err); ok {
		bad.Offset += s.offset
		s.sound = isValue(text)
	}
	s.skip(n)
	return b, err
}

func (s *stream) tooLong(n int) bool { return n > s.max }

// refuse returns the error for a batch that is too long. If there is a mistake in
// its JSON, because of which its end was not found, the error is about that. What
// else Parse would refuse is not the reason: Read goes on behind that, and here it
// cannot.
func (s *stream) refuse() *Error {
	text := s.buf[:s.max]
	p := parser{text: text, indexer: indexer{depth: noWatch}}
	if bad := ^p.value(0); bad >= 0 && bad < len(text) { // else only the limit cuts it
		err := explain(text, bad)
		err.Offset += s.offset
		return err
	}
	return &Error{Offset: s.offset, Reason: fmt.Sprintf("batch of more than %d bytes", s.max)}
}

// skip drops the first n bytes.
func (s *stream) skip(n int) {
	s.buf, s.offset = s.buf[n:], s.offset+int64(n)
	s.seen, s.depth, s.inString, s.escaped = 0, 0, false, false
}

// fill reads more. Like package bufio it gives up on a reader that keeps
// returning nothing, not even an error.
func (s *stream) fill() {
	s.buf = slices.Grow(s.buf, 4096)
	for range 100 {
		var n int
		n, s.err = s.r.Read(s.buf[len(s.buf):cap(s.buf)])
		s.buf = s.buf[:len(s.buf)+n]
		if n > 0 || s.err != nil {
			return
		}
	}
	s.err = io.ErrNoProgress
}
