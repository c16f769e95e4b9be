package window

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/eventferry/eventferry/batch"
)

// A Digest stands for bytes that are compared and need not be kept: the first half
// of their SHA-256.
type Digest [16]byte

// DeviceOf returns a digest of a batch's device and user, and reports whether the batch
// names a device. b must be the batch as it was given, since a setting may remove the
// device's id from the messages. Only the digest reaches the disk, and not the id.
func DeviceOf(b *batch.Batch) (d Digest, ok bool) {
	id := b.At("mp_deviceid").Raw()
	switch string(id) {
	case "", "null", `""`:
		return Digest{}, false
	}
	user, _ := b.UserID()
	h := binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(id)), uint64(user)) //nolint:gosec // its bits
	return summarize(append(h, id...)), true
}

// A Shape is what the closing rules need to know of a value that is to be sent.
type Shape struct {
	Envelope Digest // of all members but those that differ from batch to batch
	Alone    bool   // it has no array of events that others could be added to
	Last     bool   // it has an event that closes its window

	before, events, after []byte // of the value
}

// ShapeOf returns the shape of a value. A value that is no batch leaves alone.
func ShapeOf(value []byte) Shape {
	b, err := batch.Parse(value)
	if err != nil {
		return Shape{Alone: true}
	}
	var s Shape
	var ok bool
	if s.before, s.events, s.after, ok = b.CutEvents(); !ok {
		return Shape{Alone: true}
	}
	for _, e := range b.Events() {
		s.Last = s.Last || Closes(e.Type())
	}
	h := make([]byte, 0, len(s.before)+len(s.after))
	for name, text := range b.Members() {
		if !varies(name) {
			h = binary.AppendUvarint(h, uint64(len(text)))
			h = append(h, text...)
		}
	}
	s.Envelope = summarize(h)
	return s
}

// Closes reports whether an event of this type closes the window of its device, which
// it still leaves with.
func Closes(eventType string) bool {
	return eventType == batch.SessionEnd || eventType == batch.CommerceEvent
}

// varies reports whether batches that are gathered may differ in a member.
func varies(member string) bool {
	switch member {
	case "events", "batch_id", "message_id", "source_request_id", "timestamp_unixtime_ms":
		return true
	}
	return false
}

func summarize(b []byte) Digest {
	sum := sha256.Sum256(b)
	return Digest(sum[:])
}

// A Text gathers values of one envelope. The zero Text has none.
type Text struct {
	before, events, after []byte
	values                int
}

// Add adds the events of a value behind those that are there; the envelope is this
// value's from now on. It keeps nothing of s.
func (t *Text) Add(s *Shape) {
	t.before = append(t.before[:0], s.before...)
	t.after = append(t.after[:0], s.after...)
	if len(t.events) > 0 && len(s.events) > 0 {
		t.events = append(t.events, ',')
	}
	t.events = append(t.events, s.events...)
	t.values++
}

// Append appends the value that has all events.
func (t *Text) Append(dst []byte) []byte {
	dst = append(dst, t.before...)
	dst = append(dst, t.events...)
	return append(dst, t.after...)
}

// memory is how many bytes it keeps.
func (t *Text) memory() int { return cap(t.before) + cap(t.events) + cap(t.after) }
