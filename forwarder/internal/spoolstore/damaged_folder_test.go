package spoolstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// A folderImage is what a store has left: its files, and where in them each
// frame lies.
type folderImage struct {
	files   map[string][]byte
	foreign map[string][]byte // the control file and the segments of another folder
	frames  []imageFrame      // in the order of their messages, one of each
	titles  map[uint64][]byte // what a copy of a title begins with, by sequence number of the segment
	last    uint64            // sequence number of the last segment of the log
	control controlImage
	intents []Intent
}

// An imageFrame is a frame and what is in it.
type imageFrame struct {
	segment uint64 // sequence number
	index   int
	synced  int
	at      int64
	bytes   []byte // without the padding
	number  uint64
	value   string
	id      string
	digest  [sha256.Size]byte
	offset  int64 // in the source, if there is an id
	done    bool
}

// A controlImage is where the half of the control file lies that counts.
type controlImage struct {
	base   int64
	blocks []Range // offsets in the half, of each block without its padding
}

const imageSource = "source.ndjson"

func folderOptions() Options {
	o := small()
	o.Remembered = 64
	return o
}

// A holder lets a disk do nothing for a while.
type holder struct{ held atomic.Pointer[chan struct{}] }

func (h *holder) before(disktest.Op) error {
	if c := h.held.Load(); c != nil {
		<-*c
	}
	return nil
}

// storeTogether adds entries that become one group, behind a group of one.
func (h *holder) storeTogether(t *testing.T, s *Store, alone *Entry, list ...*Entry) {
	t.Helper()
	held := make(chan struct{})
	h.held.Store(&held)
	first, err := s.Add(t.Context(), alone)
	require.NoError(t, err)
	tickets := []Ticket{first}
	eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.writing != nil && s.filling == nil
	})
	for _, e := range list {
		ticket, err := s.Add(t.Context(), e)
		require.NoError(t, err)
		tickets = append(tickets, ticket)
		require.Same(t, tickets[1].group, ticket.group, "they are one group")
	}
	h.held.Store(nil)
	close(held)
	for _, ticket := range tickets {
		require.NoError(t, ticket.Wait(t.Context()))
	}
}

// imageEntry is the entry with a serial number. Every fifth has an id and a position.
func imageEntry(n int) *Entry {
	value := fmt.Sprintf("value %d %s", n, strings.Repeat(string(rune('a'+n%26)), 40*(n%30)))
	e := entry(value)
	e.Accepted = time.Now()
	if n%5 == 0 {
		e.ID, e.Digest = fmt.Sprint("id ", n), digestOf(value)
		e.Source = Source{File: imageSource, Offset: int64(n)}
	}
	return e
}

// leftFolder has two processes leave a folder: with segments that are full, one that
// stands for others, marks, intents, ids, and a last group of several frames.
func leftFolder(t *testing.T) *folderImage {
	t.Helper()
	var hold holder
	d := disktest.New(1)
	d.Before = hold.before
	s, err := Open(d, folderOptions())
	require.NoError(t, err)
	serial := 0
	add := func(n int) (first uint64) {
		for i := range n {
			ticket, err := s.Add(t.Context(), imageEntry(serial))
			require.NoError(t, err)
			require.NoError(t, ticket.Wait(t.Context()))
			if serial++; i == 0 {
				first = ticket.First
			}
		}
		return first
	}
	intend := func(partition int32, number uint64) {
		require.NoError(t, s.Intend([]Intent{{
			Partition: Partition{ID: partition}, ProducerID: 7, Messages: []Range{{number, number + 1}}, Timestamps: []int64{1}, Whole: []Range{},
		}}))
	}
	add(110)
	for n := uint64(1); n < 80; n++ {
		if n%5 != 0 {
			s.Done([]Range{{n, n + 1}}, nil, End{})
		}
	}
	intend(1, 5)
	eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return slices.ContainsFunc(s.segments, func(seg *segment) bool { return seg.title.kind == mergeSegment })
	})
	d = crash(t, d, s)
	d.Before = hold.before
	s, err = Open(d, folderOptions())
	require.NoError(t, err)
	first := add(50)
	for range 3 { // each in a block of its own
		s.Done([]Range{{first, first + 2}}, nil, End{})
		intend(2, first+5)
		first += 6
	}
	var group []*Entry
	for i := range 6 {
		group = append(group, imageEntry(serial+1+i))
	}
	hold.storeTogether(t, s, imageEntry(serial), group...)
	f := readFolder(t, crash(t, d, s), folderOptions())
	f.foreign = foreignFiles(t)
	return f
}

// foreignFiles are what a process has left in a folder for another topic: the control file, and
// segments with the same numbers.
func foreignFiles(t *testing.T) map[string][]byte {
	t.Helper()
	d := disktest.New(2)
	s, err := Open(d, folderOptions())
	require.NoError(t, err)
	for n := range 100 {
		store(t, s, fmt.Sprintf("foreign %d %s", n, strings.Repeat("f", 700)))
	}
	d = crash(t, d, s)
	files := map[string][]byte{controlName: slices.Clone(d.Bytes(controlName))}
	names, err := d.List()
	require.NoError(t, err)
	for _, name := range names {
		if b := d.Bytes(name); strings.HasPrefix(name, segmentPrefix) && knownTitle(b) {
			files[name] = slices.Clone(b)
		}
	}
	require.GreaterOrEqual(t, len(files), 3)
	return files
}

// readFolder notes what is where in a folder.
func readFolder(t *testing.T, d *disktest.Disk, o Options) *folderImage {
	t.Helper()
	f := &folderImage{files: map[string][]byte{}, titles: map[uint64][]byte{}}
	names, err := d.List()
	require.NoError(t, err)
	for _, name := range names {
		f.files[name] = slices.Clone(d.Bytes(name))
		if strings.HasPrefix(name, segmentPrefix) {
			f.readSegment(t, d, name)
		}
	}
	slices.SortFunc(f.frames, func(a, b imageFrame) int { return int(a.number) - int(b.number) }) //nolint:gosec // small
	f.readControl(t, d)

	s, err := Open(f.disk(t, f.files), o)
	require.NoError(t, err)
	pending := map[uint64]bool{}
	list, err := delivered(s)
	require.NoError(t, err)
	for _, m := range list {
		pending[m.number] = true
	}
	for i := range f.frames {
		f.frames[i].done = !pending[f.frames[i].number]
		delete(pending, f.frames[i].number)
	}
	require.Empty(t, pending, "each message that is delivered has a frame")
	f.intents = s.OpenIntents()
	require.Empty(t, s.Damage())
	stop(t, s)
	return f
}

func (f *folderImage) readSegment(t *testing.T, d *disktest.Disk, name string) {
	t.Helper()
	file, err := d.Open(name)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	title, err := readTitle(file)
	if errors.Is(err, errSpare) {
		return
	}
	require.NoError(t, err)
	b := f.files[name]
	f.titles[title.seq] = b[:20+binary.LittleEndian.Uint32(b[12:])]
	if title.kind == logSegment {
		f.last = max(f.last, title.seq)
	}
	sc := newScanner(&segment{file: file, title: title}, mark{0, titleSpace, 0}, int64(len(b)))
	for {
		h, payload, at, err := sc.next()
		if err != nil {
			return
		}
		e, err := decodeEntry(payload, h.messages)
		require.NoError(t, err)
		require.Len(t, e.Messages, 1)
		f.frames = append(f.frames, imageFrame{
			segment: title.seq, index: h.index, synced: h.synced, at: at, bytes: b[at : at+int64(frameHeader+h.length)],
			number: h.first, value: string(e.Messages[0].Value), id: e.ID, digest: e.Digest, offset: e.Source.Offset,
		})
	}
}

func (f *folderImage) readControl(t *testing.T, d *disktest.Disk) {
	t.Helper()
	at := int64(sector)
	c, damaged, err := openControl(d, controlName, controlMagic, func(b []byte) error {
		size := int64(blockHeader + len(b))
		f.control.blocks = append(f.control.blocks, Range{uint64(at), uint64(at + size)}) //nolint:gosec // not negative
		at += blockSize(len(b))
		return nil
	})
	require.NoError(t, err)
	require.False(t, damaged)
	f.control.base = c.base(c.active)
	require.NoError(t, c.file.Close())
}

// disk makes a disk with these files.
func (f *folderImage) disk(t require.TestingT, files map[string][]byte) *disktest.Disk {
	d := disktest.New(1)
	for name, b := range files {
		file, err := d.Create(name, int64(len(b)))
		require.NoError(t, err)
		require.NoError(t, file.Close())
		copy(d.Bytes(name), b)
	}
	require.NoError(t, d.SyncDir())
	return d
}

// holds returns the file of these in which a start finds the segment: the first one
// with an intact copy of its title. It returns nil if there is none.
func (f *folderImage) holds(files map[string][]byte, seq uint64) (name string, b []byte) {
	title := f.titles[seq]
	for _, name = range sortedNames(files) {
		b = files[name]
		if _, ok := segmentNumber(name); !ok || len(b) < titleSpace {
			continue
		}
		if bytes.HasPrefix(b, title) || bytes.HasPrefix(b[titleSize:], title) {
			return name, b
		}
	}
	return "", nil
}

// intact reports whether a file has the frame as it was, and room for its padding.
func (f *imageFrame) intact(b []byte) bool {
	return int64(len(b)) >= f.at+int64(frameSize(len(f.bytes)-frameHeader)) && bytes.Equal(b[f.at:f.at+int64(len(f.bytes))], f.bytes)
}

// A numberedValue is a message that was read.
type numberedValue struct {
	number uint64
	value  string
}

// delivered reads all there is.
func delivered(s *Store) (list []numberedValue, err error) {
	c := s.Cursor(0)
	for {
		r, _, err := c.TryNext()
		if r == nil || err != nil {
			return list, err
		}
		for i, m := range r.Entry.Messages {
			if n := r.First + uint64(i); !s.IsDone(n) {
				list = append(list, numberedValue{n, string(m.Value)})
			}
		}
	}
}
