package batch

import (
	"slices"
	"sync/atomic"
)

// A Batch is one JSON object that holds the events of one user, as [Parse] or
// [Read] returned it, with the edits made since. The zero Batch is of no use.
//
// Any number of goroutines may read a batch, and clone it, at the same time;
// edits need it for themselves.
type Batch struct {
	base    document
	index   // shared with clones
	dropped bitset
	left    int  // how many of the events are not dropped
	retyped bool // an event_type was edited: the index may be wrong
	drops   []DroppedEvents
	edits   int                   // how often it was edited
	parts   atomic.Pointer[parts] // what splitting needed to know at the last split
}

// UserID returns the mParticle user id (mpid). It reports false when the batch
// belongs to no known user: mpid is absent, null, "", 0 or "0".
func (b *Batch) UserID() (int64, bool) { return b.userID, b.userID != 0 }

// Clone returns a batch that can be edited without a trace in b. It shares the
// bytes with b, so it is cheap; what was edited in b so far is copied.
func (b *Batch) Clone() *Batch {
	c := newRoomy()
	c.index, c.left, c.retyped = b.index, b.left, b.retyped
	c.base.text = b.base.text
	if b.base.splices.len() > 0 {
		c.base.splices = b.base.splicesFor(&c.base)
	}
	c.dropped = bitset{b.dropped.first, slices.Clone(b.dropped.more)}
	return c
}

// newRoomy returns a batch for edits, with room for the usual ones in the same
// piece of memory.
func newRoomy() *Batch {
	r := new(struct {
		Batch
		splices [usualSplices]splice
	})
	r.base.splices = splices{list: r.splices[:], end: usualSplices}
	return &r.Batch
}

// AppendJSON appends the batch as edited to dst and returns the extended slice.
// What no edit touched is appended byte for byte.
func (b *Batch) AppendJSON(dst []byte) []byte {
	if dst == nil {
		dst = make([]byte, 0, b.Size())
	}
	return b.base.append(dst, 0, len(b.base.text))
}

// Size returns the number of bytes that [Batch.AppendJSON] appends.
func (b *Batch) Size() int { return b.base.size(0, len(b.base.text)) }

// MarshalJSON returns what [Batch.AppendJSON] appends. Note that json.Marshal
// compacts what it gets from here and escapes <, > and & in it.
//
// So encoding/json writes the payload of every batch that it meets, also inside
// other values: see [Batch.LogValue].
func (b *Batch) MarshalJSON() ([]byte, error) { return b.AppendJSON(nil), nil }

// start returns the index of the batch's opening brace.
func (b *Batch) start() int { return int(b.open) }

// first returns the first byte of the value at p, which tells its type. That of
// the batch needs no look at the text.
func (b *Batch) first(p place) byte {
	if p.pos == b.start() && p.doc == &b.base {
		return '{'
	}
	return p.first()
}

// A bitset holds one bit for each event. Those behind the first 64 need memory
// of their own, once one of them is in.
type bitset struct {
	first uint64
	more  []uint64
}

func (s *bitset) has(i int) bool {
	if i < 64 {
		return s.first>>i&1 == 1
	}
	word := i/64 - 1
	return word < len(s.more) && s.more[word]>>(i%64)&1 == 1
}

func (s *bitset) add(i, size int) {
	if i < 64 {
		s.first |= 1 << i
		return
	}
	if s.more == nil {
		s.more = make([]uint64, (size-1)/64)
	}
	s.more[i/64-1] |= 1 << (i % 64)
}
