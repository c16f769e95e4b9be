package engine

import "encoding/binary"

// appendOnlyPartition appends what names the only partition that a request asks about.
func appendOnlyPartition(b []byte, topic string, partition int32) []byte {
	b = binary.BigEndian.AppendUint32(b, 1)                  // topics
	b = binary.BigEndian.AppendUint16(b, uint16(len(topic))) //nolint:gosec // Kafka allows 249
	b = append(b, topic...)
	b = binary.BigEndian.AppendUint32(b, 1)                    // partitions
	return binary.BigEndian.AppendUint32(b, uint32(partition)) //nolint:gosec // not negative
}

// A byteReader reads Kafka's numbers. Behind the end they are 0.
type byteReader struct {
	rest []byte
	odd  bool // it is not what was to be read
}

// take returns the next n bytes; nil: there are fewer.
func (r *byteReader) take(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.rest, r.odd = nil, true
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// partition reads an answer up to what it says of the only partition that was asked
// about.
func (r *byteReader) partition(topic string, partition int32) {
	r.int32() // for how long the broker throttles us
	topics, name := r.int32(), string(r.take(int(r.int16())))
	partitions, id := r.int32(), r.int32()
	r.odd = r.odd || topics != 1 || partitions != 1 || name != topic || id != partition
}

func (r *byteReader) number(size int) (n uint64) {
	for _, b := range r.take(size) {
		n = n<<8 | uint64(b)
	}
	return n
}

func (r *byteReader) int16() int16 { return int16(r.number(2)) } //nolint:gosec // as the protocol has it
func (r *byteReader) int32() int32 { return int32(r.number(4)) } //nolint:gosec // as the protocol has it
func (r *byteReader) int64() int64 { return int64(r.number(8)) } //nolint:gosec // as the protocol has it
