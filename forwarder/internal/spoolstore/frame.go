package spoolstore

import (
	"encoding/binary"
	"hash/crc32"
)

// A frame is the unit of the data log: a header of fixed size and a payload,
// padded to a multiple of frameAlign.
//
//	 0  4  CRC32C of bytes 4 to 64
//	 4  4  length of the payload
//	 8  4  CRC32C of the payload
//	12  1  kind
//	16  8  sequence number of the segment: frames of its earlier lives do not count
//	24  4  index of the frame in the segment, from 0
//	28  4  how many frames of the segment were synced when this one was written
//	32  8  number of its first message
//	40  4  how many messages it has
//	44 20  zero
const (
	frameHeader = 64
	frameAlign  = 8
)

// kindEntry is a frame with an Entry, the only kind so far. A reader refuses a
// kind that it does not know.
const kindEntry = 1

type header struct {
	length   int // of the payload
	checksum uint32
	kind     byte
	segment  uint64
	index    int
	synced   int
	first    uint64
	messages int
}

// next is the number behind the frame's last message.
func (h *header) next() uint64 { return h.first + uint64(h.messages) }

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli()) }

// castagnoli returns the table of CRC32C. MakeTable makes it once.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// put writes h to the first bytes of b.
func (h *header) put(b []byte) {
	b = b[:frameHeader]
	clear(b)
	binary.LittleEndian.PutUint32(b[4:], uint32(h.length)) //nolint:gosec // bounded by a segment
	binary.LittleEndian.PutUint32(b[8:], h.checksum)
	b[12] = h.kind
	binary.LittleEndian.PutUint64(b[16:], h.segment)
	binary.LittleEndian.PutUint32(b[24:], uint32(h.index))  //nolint:gosec // bounded by a segment
	binary.LittleEndian.PutUint32(b[28:], uint32(h.synced)) //nolint:gosec // bounded by a segment
	binary.LittleEndian.PutUint64(b[32:], h.first)
	binary.LittleEndian.PutUint32(b[40:], uint32(h.messages)) //nolint:gosec // bounded by a segment
	binary.LittleEndian.PutUint32(b, checksum(b[4:]))
}

// parseHeader reports whether b begins with the header of a frame of segment.
func parseHeader(b []byte, segment uint64) (header, bool) {
	if len(b) < frameHeader || binary.LittleEndian.Uint32(b) != checksum(b[4:frameHeader]) {
		return header{}, false
	}
	h := header{
		length:   int(binary.LittleEndian.Uint32(b[4:])),
		checksum: binary.LittleEndian.Uint32(b[8:]),
		kind:     b[12],
		segment:  binary.LittleEndian.Uint64(b[16:]),
		index:    int(binary.LittleEndian.Uint32(b[24:])),
		synced:   int(binary.LittleEndian.Uint32(b[28:])),
		first:    binary.LittleEndian.Uint64(b[32:]),
		messages: int(binary.LittleEndian.Uint32(b[40:])),
	}
	return h, h.segment == segment && h.length >= 0
}

// frameSize is how many bytes a frame with such a payload takes.
func frameSize(payload int) int {
	return frameHeader + (payload+frameAlign-1)/frameAlign*frameAlign
}
