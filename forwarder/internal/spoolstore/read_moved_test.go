package spoolstore

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disk"
	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// heldReads calls a function before each read of a segment.
type heldReads struct {
	disk.FS
	before func(name string)
}

func (h heldReads) Create(name string, size int64) (disk.File, error) {
	f, err := h.FS.Create(name, size)
	if strings.HasPrefix(name, segmentPrefix) {
		f = heldFile{f, func() { h.before(name) }}
	}
	return f, err
}

type heldFile struct {
	disk.File
	before func()
}

func (f heldFile) ReadAt(b []byte, at int64) (int, error) {
	f.before()
	return f.File.ReadAt(b, at)
}

// An entry whose segment is merged and used again while it is read is found where it is
// then: nobody takes it for damaged.
func TestStore_readsWhatMoves(t *testing.T) {
	const entries = 120
	var holding atomic.Pointer[func(name string)]
	s, err := Open(heldReads{disktest.New(1), func(name string) {
		if hold := holding.Load(); hold != nil {
			(*hold)(name)
		}
	}}, small())
	require.NoError(t, err)
	defer stop(t, s)
	value := strings.Repeat("x", 900)
	var done []Range
	for i := range entries {
		if n := store(t, s, value+numbered(i, i+1)[0]); i > 0 {
			done = append(done, Range{n, n + 1})
		}
	}
	const first = 1 // is kept, and with it its segment
	s.mu.Lock()
	was := s.segments[0]
	s.mu.Unlock()
	moved := func(name string) {
		if name != was.name || !holding.CompareAndSwap(holding.Load(), nil) {
			return
		}
		left := len(done) - 1 // and one of another segment, to merge with
		for i := range left {
			if i != left/2 {
				s.Done([]Range{done[i]}, nil, End{})
			}
		}
		eventually(t, func() bool { return !s.has(was) })
		for i := 0; i < 20*entries; i++ { // until the file is used again
			n := store(t, s, value)
			s.Done([]Range{{n, n + 1}}, nil, End{})
		}
	}
	holding.Store(&moved)
	r, err := s.ReadRecord(first)
	require.NoError(t, err)
	require.Nil(t, holding.Load(), "the read was held")
	assert.Equal(t, value+numbered(0, 1)[0], string(r.Entry.Messages[0].Value))
	assert.Empty(t, s.Damage())
}
