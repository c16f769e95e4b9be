// Package trace is the history of a run: what the process under test did, in
// records that it writes one by one, each whole, before it acts on them.
// A reader in another process loses nothing when the writer is killed.
package trace

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// A Kind says what a record is about.
type Kind uint8

// The kinds of records.
const (
	Invoke  Kind = 1 + iota // a call begins
	Return                  // it has returned, with its outcome
	Late                    // DeliveryError.Wait has returned
	Settled                 // the observer was told a late outcome
	Mark                    // the process as a whole
	Held                    // events of a batch are in the refused part of the spool
)

// String names the kind.
func (k Kind) String() string {
	if names := []string{"?", "invoke", "return", "late", "settled", "mark", "held"}; int(k) < len(names) {
		return names[k]
	}
	return "?"
}

// An Outcome is what a caller was told of one message. The zero value is what a
// killed process leaves: nothing.
type Outcome uint8

// The outcomes.
const (
	Open Outcome = iota // no caller was told anything
	Unknown
	Acknowledged
	NotSent
	Stored // on the disk, and on its way
)

// String names the outcome.
func (o Outcome) String() string {
	if names := []string{"open", "unknown", "acknowledged", "not sent", "stored"}; int(o) < len(names) {
		return names[o]
	}
	return "?"
}

// A Message is one message of a batch in a record of an outcome.
type Message struct {
	Outcome   Outcome
	Partition int32 // -1: not known
	Offset    int64 // -1: not known
}

// A Record is one line of the history.
type Record struct {
	Kind  Kind
	At    time.Duration // since the run began
	Owner int           // who forwards
	N     uint32        // the owner's number for the attempt, from 1

	// Of Invoke: the batch, the events of it that are sent (0, 0: all), the way
	// it goes and the hash of its bytes. Of Held: the batch, the events, the reason
	// and, in Hash, the nanoseconds from the beginning of the run to the refusal.
	ID       uint32
	From, To int
	Way      string
	Hash     uint64

	// Of outcomes.
	Messages []Message
	SpoolID  uint64 // of a stored batch, 0: none; the owner of a batch of a former life is -1
	Cause    string // a constant, never payload

	// Of Mark.
	Name   string
	Values []int64
}

// A Writer writes records. Its methods may be called from any number of
// goroutines.
type Writer struct {
	begun time.Time
	mu    sync.Mutex
	w     io.Writer
	buf   []byte
}

// NewWriter writes to w, with times since begun, which may be another
// process's.
func NewWriter(w io.Writer, begun time.Time) *Writer { return &Writer{w: w, begun: begun} }

// Write writes records, with the time of now, and returns when w has them.
func (w *Writer) Write(rs ...Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = w.buf[:0]
	at := time.Since(w.begun)
	for i := range rs {
		rs[i].At = at
		w.buf = Append(w.buf, &rs[i])
	}
	_, err := w.w.Write(w.buf)
	return err
}

// Append appends a record in its binary form, with its length in front.
func Append(dst []byte, r *Record) []byte {
	const lengthSize = 4
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0, byte(r.Kind))
	dst = binary.AppendVarint(dst, int64(r.At))
	dst = binary.AppendVarint(dst, int64(r.Owner))
	dst = binary.AppendUvarint(dst, uint64(r.N))
	switch r.Kind {
	case Invoke, Held:
		dst = binary.AppendUvarint(dst, uint64(r.ID))
		dst = binary.AppendVarint(dst, int64(r.From))
		dst = binary.AppendVarint(dst, int64(r.To))
		dst = appendText(dst, r.Way)
		dst = binary.BigEndian.AppendUint64(dst, r.Hash)
	case Mark:
		dst = appendText(dst, r.Name)
		dst = binary.AppendUvarint(dst, uint64(len(r.Values)))
		for _, v := range r.Values {
			dst = binary.AppendVarint(dst, v)
		}
	default:
		dst = appendText(dst, r.Cause)
		dst = binary.AppendUvarint(dst, r.SpoolID)
		dst = binary.AppendUvarint(dst, uint64(len(r.Messages)))
		for _, m := range r.Messages {
			dst = append(dst, byte(m.Outcome))
			dst = binary.AppendVarint(dst, int64(m.Partition))
			dst = binary.AppendVarint(dst, m.Offset)
		}
	}
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-lengthSize)) //nolint:gosec // records are small
	return dst
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// A Reader reads records.
type Reader struct {
	r   *bufio.Reader
	buf []byte
}

// NewReader reads what a Writer wrote.
func NewReader(r io.Reader) *Reader { return &Reader{r: bufio.NewReaderSize(r, 1<<16)} }

var errRecord = errors.New("trace: not a record")

// Read returns the next record, and io.EOF at the end, also when the last
// record is not whole: its writer was killed.
func (r *Reader) Read() (Record, error) {
	var size [4]byte
	if _, err := io.ReadFull(r.r, size[:]); err != nil {
		return Record{}, ended(err)
	}
	n := binary.BigEndian.Uint32(size[:])
	if n == 0 || n > 1<<20 {
		return Record{}, errRecord
	}
	r.buf = append(r.buf[:0], make([]byte, n)...)
	if _, err := io.ReadFull(r.r, r.buf); err != nil {
		return Record{}, ended(err)
	}
	d := decoder{rest: r.buf}
	rec := d.record()
	if d.bad || len(d.rest) > 0 {
		return Record{}, errRecord
	}
	return rec, nil
}

func ended(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return io.EOF
	}
	return fmt.Errorf("trace: %w", err)
}
