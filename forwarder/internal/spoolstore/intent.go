package spoolstore

import (
	"encoding/binary"
	"time"
)

// A Partition is one partition of one topic.
type Partition struct {
	Topic string // empty: the only topic there is
	ID    int32
}

// An Intent is a record batch that may be written to a broker from now on. It
// is all that is needed to send the same one again: Kafka then recognises it.
type Intent struct {
	Partition     Partition
	TopicID       [16]byte
	ProducerID    int64
	ProducerEpoch int16
	FirstSequence int32
	Messages      []Range // in the order of the records
	Timestamps    []int64 // of each record, in milliseconds

	// Whole is the messages of the record batch that this one is a part of, if
	// that one was cut up although it may have been written.
	Whole []Range

	// Previous is how the partition's intent before this one ended. The zero
	// value: there was none, or a record of its own has said so.
	Previous End
}

// Count returns the number of records.
func (i *Intent) Count() int {
	n := 0
	for _, r := range i.Messages {
		n += r.Len()
	}
	return n
}

// An End is how the record batch of an [Intent] ended.
type End struct {
	Outcome Outcome
	Offset  int64 // of its first record, if Acknowledged and known; else -1
}

// An Outcome says what became of a record batch.
type Outcome byte

// The outcomes. Which messages are done, and which were refused, is recorded
// with the numbers of the messages.
const (
	Pending      Outcome = iota
	Acknowledged         // it is in the partition
	Refused              // by the broker, for its own sake
	NotWritten           // certainly not in the partition: cut up, or put back

	// Doubtful: it may be in the partition, and nothing can settle that. Messages
	// of it, and of its whole, that are sent again are known to [Store.Doubtful].
	Doubtful
)

// A Refusal is why a message will not be sent again.
type Refusal struct {
	Code   int16 // Kafka's error code; 0: not a broker's refusal
	Reason string
	At     time.Time // with milliseconds
}

func appendRanges(dst []byte, list []Range) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	last := uint64(0)
	for _, r := range list {
		dst = binary.AppendVarint(dst, int64(r.First-last)) //nolint:gosec // a difference, back by the same way
		dst = binary.AppendUvarint(dst, r.Next-r.First)
		last = r.Next
	}
	return dst
}

func (r *reader) ranges() []Range {
	count := r.uvarint()
	if count > uint64(len(r.rest)) { // each takes two bytes at least
		r.rest, r.failed = nil, true
		return nil
	}
	list := make([]Range, 0, count)
	last := uint64(0)
	for range count {
		first := last + uint64(r.varint()) //nolint:gosec // see appendRanges
		next := first + r.uvarint()
		if next < first || next-first > maxRange || next > maxNumber {
			r.rest, r.failed = nil, true
			return nil
		}
		list = append(list, Range{first, next})
		last = next
	}
	return list
}

// What a damaged file can say is bounded, and with it the work that it causes
// and the sums that overflow.
const (
	maxRange   = 1 << 24
	maxRefused = 1 << 12 // messages in one record
	maxNumber  = 1 << 62 // no message has a higher one
)

// number reads the number of a message.
func (r *reader) number() uint64 {
	n := r.uvarint()
	if n > maxNumber {
		r.rest, r.failed = nil, true
		return 0
	}
	return n
}

func appendIntent(dst []byte, i *Intent) []byte {
	dst = appendPartition(dst, i.Partition)
	dst = append(dst, i.TopicID[:]...)
	dst = binary.AppendVarint(dst, i.ProducerID)
	dst = binary.AppendVarint(dst, int64(i.ProducerEpoch))
	dst = binary.AppendVarint(dst, int64(i.FirstSequence))
	dst = appendRanges(dst, i.Messages)
	dst = binary.AppendUvarint(dst, uint64(len(i.Timestamps)))
	last := int64(0)
	for _, t := range i.Timestamps {
		dst = binary.AppendVarint(dst, t-last)
		last = t
	}
	dst = appendRanges(dst, i.Whole)
	return appendEnd(dst, i.Previous)
}

func (r *reader) intent() Intent {
	i := Intent{Partition: r.partition()}
	copy(i.TopicID[:], r.take(len(i.TopicID)))
	i.ProducerID = r.varint()
	i.ProducerEpoch = int16(r.varint()) //nolint:gosec // written from an int16
	i.FirstSequence = int32(r.varint()) //nolint:gosec // written from an int32
	i.Messages = r.ranges()
	count := r.uvarint()
	if count > uint64(len(r.rest)) {
		r.rest, r.failed = nil, true
		return i
	}
	last := int64(0)
	for range count {
		last += r.varint()
		i.Timestamps = append(i.Timestamps, last)
	}
	i.Whole = r.ranges()
	i.Previous = r.end()
	return i
}

func appendPartition(dst []byte, p Partition) []byte {
	dst = appendBytes(dst, p.Topic)
	return binary.AppendVarint(dst, int64(p.ID))
}

func (r *reader) partition() Partition {
	return Partition{Topic: string(r.bytes()), ID: int32(r.varint())} //nolint:gosec // written from an int32
}

func appendEnd(dst []byte, e End) []byte {
	dst = append(dst, byte(e.Outcome))
	return binary.AppendVarint(dst, e.Offset)
}

func (r *reader) end() End { return End{Outcome: Outcome(r.byte()), Offset: r.varint()} }

func appendRefusal(dst []byte, f Refusal) []byte {
	dst = binary.AppendVarint(dst, int64(f.Code))
	dst = binary.AppendVarint(dst, f.At.UnixMilli())
	return appendBytes(dst, f.Reason)
}

func (r *reader) refusal() Refusal {
	return Refusal{
		Code:   int16(r.varint()), //nolint:gosec // written from an int16
		At:     time.UnixMilli(r.varint()),
		Reason: string(r.bytes()),
	}
}
