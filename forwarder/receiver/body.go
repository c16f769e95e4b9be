package receiver

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
)

// A room says how many requests and bytes of bodies there may be at once.
type room struct {
	requests, bytes         int64 // the limits
	requestsNow, bytesInUse atomic.Int64
}

// enter takes room for a request, if there is any.
func (r *room) enter() bool {
	if r.requestsNow.Add(1) > r.requests {
		r.requestsNow.Add(-1)
		return false
	}
	return true
}

// take takes room for n bytes, if there is any.
func (r *room) take(n int64) bool {
	if r.bytesInUse.Add(n) > r.bytes {
		r.bytesInUse.Add(-n)
		return false
	}
	return true
}

// leave gives back the room of a request and its bytes.
func (r *room) leave(bytes int64) {
	r.requestsNow.Add(-1)
	r.bytesInUse.Add(-bytes)
}

var (
	errTooLong  = errors.New("receiver: the body is too long")
	errNoRoom   = errors.New("receiver: too many bytes are in flight")
	errEncoding = errors.New("receiver: Content-Encoding is neither gzip nor identity")
)

// A gzipError says that a body is not what gzip writes.
type gzipError struct{ err error }

func (e *gzipError) Error() string { return "receiver: the body is not valid gzip" }
func (e *gzipError) Unwrap() error { return e.err }

// drainLimit is how much of a body that is too long is read, so that its sender
// reads the answer: clients that still write find a closed connection instead.
const drainLimit = 8 << 20

// A bodyReader reads the body of one request.
type bodyReader struct {
	room  *room
	taken int64 // of its bytes
}

// eventBytes is about what the conversion of an event takes: the index of its members
// and the edits to them, however small its text is.
const eventBytes = 2 << 10

// convert counts what the conversion of so many events takes against the bytes in
// flight, if there is room. It takes no more than half of what one request may have
// alone, since else some could never be converted.
func (b *bodyReader) convert(events int) bool {
	n := min(int64(events)*eventBytes, (b.room.bytes-b.taken)/2)
	if !b.room.take(n) {
		return false
	}
	b.taken += n
	return true
}

// read reads a body of at most most bytes, before and after decompression. With an
// error comes what was read of it: with errTooLong its beginning.
func (b *bodyReader) read(req *http.Request, most int64) ([]byte, error) {
	raw, err := b.readAll(req.Body, req.ContentLength, most)
	if err != nil {
		if errors.Is(err, errTooLong) && req.ContentLength <= drainLimit {
			_, _ = io.CopyN(io.Discard, req.Body, drainLimit-int64(len(raw))) // for the answer's sake only
		}
		return raw, err
	}
	switch zipped, err := isGzip(req.Header["Content-Encoding"]); {
	case err != nil:
		return raw, err
	case !zipped:
		return raw, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return raw, &gzipError{err}
	}
	text, err := b.readAll(z, -1, most)
	if err != nil && !errors.Is(err, errTooLong) && !errors.Is(err, errNoRoom) {
		return raw, &gzipError{err}
	}
	return text, err
}

func isGzip(encodings []string) (bool, error) {
	switch {
	case len(encodings) == 0:
		return false, nil
	case len(encodings) > 1:
		return false, errEncoding
	case http.CanonicalHeaderKey(encodings[0]) == "Gzip":
		return true, nil
	case encodings[0] == "" || http.CanonicalHeaderKey(encodings[0]) == "Identity":
		return false, nil
	}
	return false, errEncoding
}

// firstRead is how much memory a body gets at first that may be long: what its
// sender announces costs nothing until it comes.
const firstRead = 64 << 10

// readAll reads r to its end, or to one byte more than most. size is how long it
// says to be, or -1. The bytes count against those in flight.
func (b *bodyReader) readAll(r io.Reader, size, most int64) ([]byte, error) {
	limit := most + 1
	if size >= 0 {
		limit = min(size, limit)
	}
	var buf []byte
	for int64(len(buf)) < limit {
		if len(buf) == cap(buf) {
			length := min(max(firstRead, 2*int64(cap(buf))), limit)
			more := length - int64(cap(buf))
			if !b.room.take(more) {
				return buf, errNoRoom
			}
			b.taken += more
			grown := make([]byte, len(buf), length)
			copy(grown, buf)
			buf = grown
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err != nil && int64(len(buf)) < limit {
			if err == io.EOF { // as in package io: wrapped it is a failure of the reader
				err = nil
			}
			return buf, err
		}
	}
	if int64(len(buf)) > most {
		return buf[:most], errTooLong
	}
	return buf, nil
}
