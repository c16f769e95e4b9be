package batch

import (
	"slices"
	"sync/atomic"

	"github.com/eventferry/eventferry/batch/internal/splice"
)

// A Batch is one JSON object that holds the events of one user, as [Parse] or
// [Read] returned it, with the edits made since. The zero Batch is of no use.
//
// Any number of goroutines may read a batch, and clone it, at the same time. An edit
// must not run beside anything else.
type Batch struct {
	content
	dropped bitset
	left    int32 // how many events are not dropped; no text has more
	retyped bool  // an event_type was edited: the index may be wrong
	drops   []DroppedEvents
	onDrop  func(reason string, e Event)
	parts   atomic.Pointer[parts] // of the last split
}

// UserID returns the mParticle user id (mpid). It reports false when the batch
// belongs to no known user: mpid is absent, null, "", 0 or "0".
func (b *Batch) UserID() (int64, bool) { return b.userID, b.userID != 0 }

// Clone returns a batch that can be edited without a trace in b. It shares the
// bytes with b, so it is cheap; edits made to b so far are copied.
func (b *Batch) Clone() *Batch {
	c := newRoomy()
	c.index, c.left, c.retyped = b.index, b.left, b.retyped
	b.base.CopyTo(&c.base)
	c.dropped = bitset{b.dropped.first, slices.Clone(b.dropped.more)}
	return c
}

// A roomyBatch is a batch with room for the usual edits in the same piece of
// memory.
type roomyBatch struct {
	Batch
	room splice.Room
}

// newRoomy returns a batch for edits.
func newRoomy() *Batch {
	r := new(roomyBatch)
	r.base.UseRoom(&r.room)
	return &r.Batch
}

// AppendJSON appends the batch as edited to dst and returns the extended slice.
// Text that no edit touched is appended byte for byte.
func (b *Batch) AppendJSON(dst []byte) []byte {
	if dst == nil {
		dst = make([]byte, 0, b.Size())
	}
	return b.base.Append(dst, 0, len(b.base.Text()))
}

// Size returns the number of bytes that [Batch.AppendJSON] appends.
func (b *Batch) Size() int { return b.base.Size(0, len(b.base.Text())) }

// MarshalJSON returns the batch as [Batch.AppendJSON] writes it. json.Marshal then
// compacts that and escapes <, > and & in it.
//
// So encoding/json writes the payload of every batch that it meets, also inside
// other values: see [Batch.LogValue].
func (b *Batch) MarshalJSON() ([]byte, error) { return b.AppendJSON(nil), nil }
