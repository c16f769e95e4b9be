package spoolstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/eventferry/eventferry/forwarder/internal/disk"
)

// A segment is a file of fixed size: a title, then frames. What a file holds
// beyond its last frame is zero or left from an earlier life, which frames
// tell by the segment's sequence number.
//
// Segments are in the order of their messages' numbers. The log appends to the
// last one. A merged segment takes the place of several neighbours of which
// little was left (see merge.go).
type segment struct {
	file  disk.File
	name  string
	title title

	size     int64
	end      int64  // where its last frame ends, as far as it is synced
	guessed  bool   // end is that of the file: a start reads no more than it must (see measure.go)
	frames   int    // as far as they are synced
	next     uint64 // number behind its last message
	titled   bool   // its title is durable
	sealed   bool   // nothing will be appended
	damaged  bool   // a frame of it could not be read: its file is kept
	pending  int    // messages that are not done
	index    []mark // sparse, by number
	indexed  int64  // up to where index is complete
	reserved bool   // the maintainer works on it
	stuck    bool   // it could not be cleared: its numbers are kept until the next start
	apart    int    // messages that were pending when it did not fit into one with its neighbours
	held     int    // messages in its frames, of a merged segment
	marked   uint64 // record that was the last to change pending
}

// A mark is where in a segment the frame begins that has the message number.
type mark struct {
	number uint64
	at     int64
	frame  int
}

// indexEvery is how many bytes lie between two marks.
const indexEvery = 256 << 10

// span is the numbers of the segment's messages, and for a merged one of some
// that are gone.
func (s *segment) span() Range { return Range{s.title.first, s.next} }

// isSpent reports whether nothing in the segment is pending, nor will be but for a group that is
// being written to it: its file may be cleared or set aside at any time.
func (s *segment) isSpent() bool { return s.sealed && s.pending == 0 }

// note adds a frame to the index.
func (s *segment) note(h *header, at int64) {
	if at < s.indexed {
		return
	}
	if len(s.index) == 0 || at >= s.index[len(s.index)-1].at+indexEvery {
		s.index = append(s.index, mark{h.first, at, h.index})
	}
	s.indexed = at + int64(frameSize(h.length))
}

// seek returns a place at or before the frame with the message number.
func (s *segment) seek(number uint64) mark {
	i, _ := slices.BinarySearchFunc(s.index, number, func(m mark, n uint64) int {
		if m.number <= n {
			return -1
		}
		return 1
	})
	if i == 0 {
		return mark{s.title.first, titleSpace, 0}
	}
	return s.index[i-1]
}

// suits reports whether the segment can have an entry with w.
func (s *segment) suits(w Window) bool { return w == Window{} || s.title.version >= version }

const (
	titleSize    = 4096
	titleSpace   = 2 * titleSize // two copies of the title stand before the frames
	magic        = "EVFSPOOL"
	version      = 2 // the newest format: entries that belong to windows
	plainVersion = 1 // without such; written while none was added, so that older programs read it

	spareSegment = 0 // kinds of titles; zero bytes are a spare segment
	logSegment   = 1
	mergeSegment = 2
)

// A title says what a segment is. It is written before or with the first
// frames of a segment of the log, and after the last one of a merged segment.
type title struct {
	version int // of the format; 0 is written as the plain one
	folder  folderID
	kind    byte
	seq     uint64 // only grows; also the order in which segments were begun
	first   uint64 // number of the first message

	// Of a segment of the log: how the segments before it ended, from the last
	// one whose title is known to be synced; those behind that one could not be
	// written to. What they have beyond their ends is void, and so are the
	// numbers from the end of the first one on.
	ends []segmentEnd

	// Of a merged segment.
	frames   int
	held     int
	end      int64
	next     uint64
	replaces []uint64 // sequence numbers, whose segments are void from now on
}

type segmentEnd struct {
	seq    uint64
	frames int
	next   uint64
}

// bytes returns both copies.
func (t *title) bytes() []byte {
	body := []byte{t.kind}
	body = binary.AppendUvarint(body, t.seq)
	body = binary.AppendUvarint(body, t.first)
	body = binary.AppendUvarint(body, uint64(len(t.ends)))
	for _, e := range t.ends {
		body = appendSegmentEnd(body, e)
	}
	body = binary.AppendUvarint(body, uint64(t.frames)) //nolint:gosec // counts
	body = binary.AppendUvarint(body, uint64(t.held))   //nolint:gosec // counts
	body = binary.AppendUvarint(body, uint64(t.end))    //nolint:gosec // an offset
	body = binary.AppendUvarint(body, t.next)
	body = binary.AppendUvarint(body, uint64(len(t.replaces)))
	for _, seq := range t.replaces {
		body = binary.AppendUvarint(body, seq)
	}
	body = append(body, t.folder[:]...) // programs that know none read what stands before it
	b := make([]byte, 0, titleSpace)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, uint32(max(t.version, plainVersion))) //nolint:gosec // a small number
	b = binary.LittleEndian.AppendUint32(b, uint32(len(body)))                    //nolint:gosec // below titleSize
	b = binary.LittleEndian.AppendUint32(b, checksum(body))
	b = append(b, body...)
	b = b[:titleSize]
	return append(b, b...)
}

// titleRoom is how many ends or replaced segments a title can name.
const titleRoom = 128

var (
	errSpare   = errors.New("the segment is empty")
	errNoTitle = errors.New("neither copy of the segment's title is intact")
)

// A VersionError says that a folder was written by a newer version.
type VersionError struct{ Found, Known int }

// Error implements error.
func (e *VersionError) Error() string {
	return fmt.Sprintf("the folder has format version %d, and this program knows %d at most: drain the folder with the newer version, and remove it",
		e.Found, e.Known)
}

// readTitle reads the title of a segment, from either copy. A title whose write has
// failed on the way is none: both copies are written at once, and synced before any
// frame is told to be stored.
func readTitle(f disk.File) (title, error) {
	b := make([]byte, titleSpace+frameHeader)
	if n, err := f.ReadAt(b, 0); n < titleSpace && err != nil {
		return title{}, fmt.Errorf("%w: %w", errNoTitle, err)
	}
	newer := (*VersionError)(nil)
	for _, b := range [][]byte{b[:titleSize], b[titleSize:titleSpace]} {
		t, err := parseTitle(b)
		if err == nil {
			return t, nil
		}
		errors.As(err, &newer)
	}
	if newer != nil { // and no copy is of a version that is known: a program writes both at once
		return title{}, newer
	}
	if onlyZeros(b[:titleSpace]) || onlyZeros(b[titleSize:]) { // one that was used has frames behind it
		return title{}, errSpare
	}
	return title{}, errNoTitle
}

func onlyZeros(b []byte) bool { return strings.Trim(string(b), "\x00") == "" }

func parseTitle(b []byte) (title, error) {
	if string(b[:len(magic)]) != magic {
		return title{}, errNoTitle
	}
	b = b[len(magic):]
	v, length, sum := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint32(b[8:])
	b = b[12:]
	if int64(length) > int64(len(b)) || checksum(b[:length]) != sum {
		return title{}, errNoTitle
	}
	if v > version {
		return title{}, &VersionError{Found: int(v), Known: version}
	}
	r := &reader{rest: b[:length]}
	t := title{version: int(v), kind: r.byte(), seq: r.uvarint(), first: r.uvarint()}
	for range min(r.uvarint(), titleRoom) {
		t.ends = append(t.ends, r.segmentEnd())
	}
	t.frames, t.held = int(r.uvarint()), int(r.uvarint()) //nolint:gosec // checked by a sum
	t.end, t.next = int64(r.uvarint()), r.uvarint()       //nolint:gosec // checked by a sum
	for range min(r.uvarint(), titleRoom) {
		t.replaces = append(t.replaces, r.uvarint())
	}
	if r.failed {
		return title{}, errNoTitle
	}
	copy(t.folder[:], r.take(min(len(r.rest), len(t.folder)))) // an older title ends here
	return t, nil
}

const (
	segmentPrefix = "segment-"
	damagedPrefix = "damaged-"
)

func segmentName(n uint64) string { return fmt.Sprintf("%s%08d", segmentPrefix, n) }

// segmentNumber returns the number in the name of a segment's file. It is the
// file's own and never changes, unlike the sequence number.
func segmentNumber(name string) (uint64, bool) {
	digits, ok := strings.CutPrefix(name, segmentPrefix)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil && segmentName(n) == name
}
