package spoolstore

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"
)

// An Entry is one batch as it lies on the disk: filtered and encoded.
type Entry struct {
	Topic    string // of the messages that name none; empty: the only topic there is
	Key      []byte // of all messages; nil: none
	ID       string // the caller's, to recognise repetitions by; may be empty
	Digest   [32]byte
	Source   Source
	Accepted time.Time // with milliseconds
	Parts    []Range   // messages that this entry stands for from now on, and that are done with it
	Window   Window    // zero: it is to be sent as it is
	Messages []Message

	// Frees is, for an entry that a window has become, how many bytes the frames of
	// its parts take. It is not stored.
	Frees int64

	// Finished is called, if it is set, once e is synced or has failed, in the order of
	// the numbers and before the ticket's Wait returns. bytes is the size of its frame.
	// It must not block. It is not stored.
	Finished func(first uint64, bytes int64, err error)

	// Numbered is told by Add, if it is set, when the entry has its numbers and
	// before anything else can be known of it. It must not block. It is not stored.
	Numbered Numbered

	// Memory, if it is set, has the values of all messages, and nothing else has it. The
	// store may keep it, as the ticket says, and then gives it to whoever reads the entry.
	// It is not stored.
	Memory *[]byte

	// Stop ends the wait for room when it is closed, with [ErrStopped]. It is not
	// stored.
	Stop <-chan struct{}
}

// Numbered learns the number of an entry's first message.
type Numbered interface {
	// Number is called under the lock of the store.
	Number(first uint64)
}

// A Message is one Kafka record of an [Entry].
type Message struct {
	Topic   string // where it is not that of the entry; those of one topic follow each other
	Value   []byte
	Part    string // "2/3" when the batch was split
	Headers []Header
}

// A Header is a Kafka header of a [Message].
type Header struct {
	Key   string
	Value []byte
}

// A Source is a place in a file that batches are read from.
type Source struct {
	File   string // empty: none
	Offset int64  // where to go on, such as the byte behind the batch

	// Reading is higher each time that the file is read from its position. It is not
	// stored.
	Reading int64
}

// A Window says that an entry belongs to the window of a device. Such an entry is
// to wait for others until the window closes; then an entry that stands for all of
// them is added.
type Window struct {
	Device [16]byte
	End    time.Time // of the window; zero: the entry is what a window has become
}

// Waits reports whether the entry is to wait for others.
func (w Window) Waits() bool { return !w.End.IsZero() }

// closes reports whether an entry is what a window has become.
func (w Window) closes() bool { return w != Window{} && !w.Waits() }

func (w Window) append(dst []byte) []byte {
	end := int64(0)
	if w.Waits() {
		end = w.End.UnixMilli()
	}
	return binary.AppendVarint(append(dst, w.Device[:]...), end)
}

func (r *reader) window() Window {
	var w Window
	copy(w.Device[:], r.take(len(w.Device)))
	if end := r.varint(); end != 0 {
		w.End = time.UnixMilli(end)
	}
	return w
}

// A need is what an entry needs of the store.
type need struct {
	bytes  int64 // of its frame
	window Window
}

func needOf(e *Entry) need { return need{int64(frameSize(e.size())), e.Window} }

const (
	hasTopic = 1 << iota
	hasKey
	hasID
	hasSource
	hasParts
	hasWindow
	hasTopics
)

// TopicOf returns the topic of a message.
func (e *Entry) TopicOf(i int) string {
	if t := e.Messages[i].Topic; t != "" {
		return t
	}
	return e.Topic
}

// severalTopics reports whether a message names a topic of its own.
func (e *Entry) severalTopics() bool {
	return slices.ContainsFunc(e.Messages, func(m Message) bool { return m.Topic != "" })
}

var errShort = errors.New("the payload of a frame ends early")

// appendEntry appends the payload of e's frame.
func appendEntry(dst []byte, e *Entry) []byte {
	flags := byte(0)
	set := func(bit byte, on bool) {
		if on {
			flags |= bit
		}
	}
	set(hasTopic, e.Topic != "")
	set(hasKey, e.Key != nil)
	set(hasID, e.ID != "")
	set(hasSource, e.Source.File != "")
	set(hasParts, len(e.Parts) > 0)
	set(hasWindow, e.Window != Window{})
	several := e.severalTopics()
	set(hasTopics, several)
	dst = append(dst, flags)
	dst = binary.AppendVarint(dst, e.Accepted.UnixMilli())
	if e.Topic != "" {
		dst = appendBytes(dst, e.Topic)
	}
	if e.Key != nil {
		dst = appendBytes(dst, e.Key)
	}
	if e.ID != "" {
		dst = appendBytes(dst, e.ID)
		dst = append(dst, e.Digest[:]...)
	}
	if e.Source.File != "" {
		dst = appendBytes(dst, e.Source.File)
		dst = binary.AppendVarint(dst, e.Source.Offset)
	}
	if len(e.Parts) > 0 {
		dst = appendRanges(dst, e.Parts)
	}
	if e.Window != (Window{}) {
		dst = e.Window.append(dst)
	}
	for i := range e.Messages {
		m := &e.Messages[i]
		if several {
			dst = appendBytes(dst, m.Topic)
		}
		dst = appendBytes(dst, m.Part)
		dst = binary.AppendUvarint(dst, uint64(len(m.Headers)))
		for _, h := range m.Headers {
			dst = appendBytes(dst, h.Key)
			dst = appendBytes(dst, h.Value)
		}
		dst = appendBytes(dst, m.Value)
	}
	return dst
}

func appendBytes[T string | []byte](dst []byte, b T) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(b)))
	return append(dst, b...)
}

// entryOverhead bounds what appendEntry adds to the bytes of an entry.
func entryOverhead(e *Entry) int {
	size := 1 + (7+2*len(e.Parts))*binary.MaxVarintLen64 + len(e.Digest) + len(e.Window.Device)
	for i := range e.Messages {
		size += (4 + 2*len(e.Messages[i].Headers)) * binary.MaxVarintLen64
	}
	return size
}

// size bounds the length of e's payload.
func (e *Entry) size() int {
	size := entryOverhead(e) + len(e.Topic) + len(e.Key) + len(e.ID) + len(e.Source.File)
	for i := range e.Messages {
		m := &e.Messages[i]
		size += len(m.Topic) + len(m.Value) + len(m.Part)
		for _, h := range m.Headers {
			size += len(h.Key) + len(h.Value)
		}
	}
	return size
}

// decodeEntry reads the payload of a frame of messages messages. What it
// returns shares b.
func decodeEntry(b []byte, messages int) (*Entry, error) {
	e := &Entry{}
	if err := e.decode(b, messages); err != nil {
		return nil, err
	}
	return e, nil
}

// decode is decodeEntry into e, whose list of messages is used again, and its topic if
// it is the same.
func (e *Entry) decode(b []byte, messages int) error {
	topic, list := e.Topic, e.Messages[:0]
	r := &reader{rest: b}
	flags := r.byte()
	*e = Entry{Accepted: time.UnixMilli(r.varint())}
	if flags&hasTopic != 0 {
		if stored := r.bytes(); string(stored) != topic {
			topic = string(stored)
		}
		e.Topic = topic
	}
	if flags&hasKey != 0 {
		e.Key = r.bytes()
	}
	if flags&hasID != 0 {
		e.ID = string(r.bytes())
		copy(e.Digest[:], r.take(len(e.Digest)))
	}
	if flags&hasSource != 0 {
		e.Source.File = string(r.bytes())
		e.Source.Offset = r.varint()
	}
	if flags&hasParts != 0 {
		e.Parts = r.ranges()
	}
	if flags&hasWindow != 0 {
		e.Window = r.window()
	}
	if r.failed || messages > len(r.rest) { // a message takes at least three bytes
		return errShort
	}
	e.Messages = slices.Grow(list, messages)[:messages]
	clear(e.Messages)
	for i := range e.Messages {
		m := &e.Messages[i]
		if flags&hasTopics != 0 {
			m.Topic = string(r.bytes())
		}
		m.Part = string(r.bytes())
		headers := r.uvarint()
		if headers > uint64(len(r.rest)) {
			return errShort
		}
		for range headers {
			m.Headers = append(m.Headers, Header{Key: string(r.bytes()), Value: r.bytes()})
		}
		m.Value = r.bytes()
	}
	if r.failed || len(r.rest) != 0 {
		return errShort
	}
	return nil
}

// acceptedAt returns when the entry with a payload was accepted, which stands at its
// beginning.
func acceptedAt(payload []byte) time.Time {
	r := &reader{rest: payload}
	r.byte()
	return time.UnixMilli(r.varint())
}

// A reader takes values off a slice. After a failure it returns zeros.
type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.rest, r.failed = nil, true
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.rest, r.failed = nil, true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.rest, r.failed = nil, true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// bytes returns what a length stands before; never nil.
func (r *reader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.rest, r.failed = nil, true
		return []byte{}
	}
	if n == 0 {
		return []byte{}
	}
	return r.take(int(n))
}
