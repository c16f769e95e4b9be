package spoolstore

import (
	"context"
	"errors"
	"io"
	"slices"
)

// A Cursor reads entries in the order of their numbers, each as soon as it is
// synced. It belongs to one goroutine.
type Cursor struct {
	// Want, if it is set, says whether Next is to return an entry or to pass it
	// over. The entry must not be kept.
	Want func(*Record) bool

	// Recent says that this is the cursor for which [Store.KeepRecent] keeps entries. There
	// is one of them at a time.
	Recent bool

	store   *Store
	next    uint64 // number of the next message to read
	segment *segment
	scanner *scanner
	within  bool        // the segment has more that may be pending, as far as was known a moment ago
	spare   *readRecord // memory for the next entry, from one that was not wanted
	payload []byte      // the same
	topic   string      // of the entry before, which most share
}

// newRecord returns memory for an entry.
func (c *Cursor) newRecord() (r *readRecord, own []byte) {
	if r = c.spare; r == nil {
		r = &readRecord{}
		r.entry.Topic, r.entry.Messages = c.topic, r.message[:0]
		r.Entry = &r.entry
	}
	c.spare = nil
	own, c.payload = c.payload[:0], nil
	return r, own
}

// keepMemory keeps memory of an entry that is not returned.
func (c *Cursor) keepMemory(r *readRecord, own []byte) { c.spare, c.payload = r, own }

// Position returns the number behind the last entry that was read or passed
// over.
func (c *Cursor) Position() uint64 { return c.next }

// Cursor begins to read at the entry with the message number, or behind it.
func (s *Store) Cursor(from uint64) *Cursor { return &Cursor{store: s, next: from} }

// Next returns the next entry that has a message that is neither done nor
// refused. It waits for one until ctx ends; then the error is that of ctx.
func (c *Cursor) Next(ctx context.Context) (*Record, error) {
	for {
		r, changed, err := c.TryNext()
		if r != nil || err != nil {
			return r, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// TryNext is Next without the wait: if there is no entry, it returns a channel
// that is closed when there may be one.
func (c *Cursor) TryNext() (r *Record, changed <-chan struct{}, err error) {
	for {
		if !c.within {
			recent, changed, ok, err := c.position()
			if recent != nil {
				if c.Want == nil || c.Want(&recent.Record) {
					return &recent.Record, nil, nil
				}
				continue
			}
			if err != nil || !ok {
				return nil, changed, err
			}
		}
		r, err := c.read()
		if r != nil || err != nil {
			return r, nil, err
		}
	}
}

// position returns what is next if that is in memory, and otherwise makes the scanner
// one of the segment that has it. It reports false if nothing is synced beyond what was
// read.
func (c *Cursor) position() (recent *recentEntry, changed <-chan struct{}, ok bool, err error) {
	s := c.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := c.recentLocked(); r != nil {
		return r, nil, true, nil
	}
	for _, seg := range s.segments {
		if seg.next <= c.next || seg.frames == 0 || seg.isSpent() {
			continue
		}
		if seg != c.segment {
			c.segment = seg
			c.scanner = newScanner(seg, seg.seek(c.next), seg.end)
		}
		c.scanner.limit, c.scanner.frames = seg.end, seg.frames
		return nil, nil, true, nil
	}
	if s.closing {
		return nil, nil, false, ErrClosed
	}
	s.recents.caughtUp = s.recents.caughtUp || c.Recent
	return nil, s.changedLocked(), false, nil
}

// KeepRecent lets so many bytes of entries stay in memory until the cursor with Recent
// has read them; 0: none. unused gets the memory of those that it will not get from here. It
// must not block. It may be nil.
func (s *Store) KeepRecent(bytes int64, unused func(memory *[]byte)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recents.limitTo(bytes, unused)
}

// recentLocked returns the next entry if it is in memory, and has the cursor go on behind
// it; nil otherwise.
func (c *Cursor) recentLocked() *recentEntry {
	for c.Recent {
		r := c.store.recents.take(c.next)
		if r == nil {
			break
		}
		c.next = r.Range().Next
		if c.segment != r.segment {
			c.segment, c.scanner = r.segment, newScanner(r.segment, mark{c.next, r.at, r.index}, r.at)
		}
		c.scanner.at, c.scanner.index = r.at, r.index
		if c.store.anyPendingLocked(r.Range()) {
			return r
		}
		if unused := c.store.recents.unused; unused != nil {
			unused(r.entry.Memory)
		}
	}
	return nil
}

// anyPendingLocked reports whether a message of r is neither done nor refused.
func (s *Store) anyPendingLocked(r Range) bool {
	for n := r.First; n < r.Next; n++ {
		if _, refused := s.ledger.refused[n]; !refused && !s.ledger.done.has(n) {
			return true
		}
	}
	return false
}

// read returns the next entry of the segment that is worth it; nil if there is
// none, or the segment has become another one.
func (c *Cursor) read() (*Record, error) {
	s := c.store
	for {
		h, payload, at, err := c.scanner.next()
		c.within = false
		if errors.Is(err, io.EOF) {
			c.endSegment()
			return nil, nil
		}
		if errors.Is(err, errGap) {
			if err := c.skipDamage(at); err != nil {
				return nil, err
			}
			return nil, nil
		}
		if err != nil {
			if c.leave() {
				return nil, nil
			}
			return nil, err
		}
		if !c.wants(&h, at, payload) {
			continue
		}
		r, own := c.newRecord()
		own = append(own, payload...)
		if err := r.entry.decode(own, h.messages); h.kind != kindEntry || err != nil {
			c.keepMemory(r, own)
			s.damaged(c.segment, at, Range{h.first, h.next()})
			continue
		}
		r.First, r.Bytes, c.topic = h.first, frameSize(h.length), r.entry.Topic
		if c.Want != nil && !c.Want(&r.Record) {
			c.keepMemory(r, own)
			continue
		}
		return &r.Record, nil
	}
}

// wants notes that a frame is read, and reports whether a message of it is
// neither done nor refused. All that an entry takes of the lock is here: it is taken
// once for each.
func (c *Cursor) wants(h *header, at int64, payload []byte) bool {
	s := c.store
	s.mu.Lock()
	defer s.mu.Unlock()
	c.segment.note(h, at)
	c.within = c.scanner.index < c.scanner.frames && !c.segment.isSpent()
	if h.next() <= c.next {
		return false
	}
	c.next = h.next()
	pending := s.anyPendingLocked(Range{h.first, h.next()})
	if pending && h.kind == kindEntry {
		s.accepted.insert(h.first, acceptedAt(payload))
	}
	return pending
}

// endSegment goes on behind the segment, if nothing will be appended to it.
func (c *Cursor) endSegment() {
	s := c.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.segment.sealed && c.scanner.index >= c.segment.frames {
		c.next = max(c.next, c.segment.next)
		c.segment, c.scanner = nil, nil
	}
}

// leave reports whether the segment has become another one while it was read, or
// may do so, and makes the cursor look for what is next anew.
func (c *Cursor) leave() bool {
	s := c.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(s.segments, c.segment) && !c.segment.isSpent() {
		return false
	}
	c.segment, c.scanner = nil, nil
	return true
}

// skipDamage goes on behind a place where no frame can be read.
func (c *Cursor) skipDamage(at int64) error {
	if c.leave() {
		return nil
	}
	s := c.store
	s.mu.Lock()
	limit := c.segment.end
	s.mu.Unlock()
	c.scanner.limit = limit
	h, err := c.scanner.resync()
	if c.leave() { // it was not damage
		return nil
	}
	first := h.first
	if errors.Is(err, io.EOF) {
		s.mu.Lock()
		first = c.segment.next
		s.mu.Unlock()
	} else if err != nil {
		return err
	}
	s.damaged(c.segment, at, Range{c.next, max(c.next, first)})
	c.next = max(c.next, first)
	if errors.Is(err, io.EOF) {
		c.segment, c.scanner = nil, nil
	}
	return nil
}

// damaged reports a place, and counts its messages as done: they cannot be
// sent. The segment's file is kept, unless nothing in it is needed any more.
func (s *Store) damaged(seg *segment, at int64, lost Range) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seg.isSpent() {
		return
	}
	seg.damaged = seg.damaged || slices.Contains(s.segments, seg) // else its file has another use
	left := s.ledger.done.allMissing(Range{max(lost.First, seg.title.first), min(lost.Next, seg.next)})
	count := 0
	for _, r := range left {
		count += r.Len()
	}
	s.reportLocked(Damage{File: seg.name, Offset: at, Messages: count})
	s.doneLocked(left)
}

// IsDone reports whether a message needs not be sent any more.
func (s *Store) IsDone(number uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.done.has(number)
}

// noteAccepted notes when an entry that was read was accepted.
func (s *Store) noteAccepted(r *Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted.insert(r.First, r.Entry.Accepted)
}
