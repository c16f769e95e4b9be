package spoolstore

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"
)

// partBytes bounds what an entry of one part is longer than that part.
const partBytes = 64

// Add appends e to the data log. It waits for room, in order of arrival, until
// ctx ends, and not for the sync: the ticket does. After a wait for room the error
// is a [*FullError]. The error is [ErrTooManyFiles] if the position of e cannot be
// kept, and [ErrReadAgain] if an earlier entry of its file was not stored. Entries get
// their numbers, and lie on the disk, in the order in which Add returned. It keeps
// nothing of e, save its memory if the ticket says so.
func (s *Store) Add(ctx context.Context, e *Entry) (Ticket, error) {
	need, limit := needOf(e), s.capacity()
	if e.Window.Waits() {
		limit -= partBytes // what its window becomes must fit, too, and names it
	}
	if need.bytes > limit {
		return Ticket{}, &TooLargeError{need.bytes, limit}
	}
	var mark tag
	if e.tagged() {
		mark = e.tag()
	}
	if !e.Window.closes() { // which makes room
		select {
		case s.turn <- struct{}{}:
		case <-ctx.Done():
			return Ticket{}, s.full(ctx, need)
		case <-e.Stop:
			return Ticket{}, ErrStopped
		}
		defer func() { <-s.turn }()
	}
	for {
		s.mu.Lock()
		if s.closing {
			s.mu.Unlock()
			return Ticket{}, ErrClosed
		}
		if !s.tags.roomFor(mark.file) {
			s.mu.Unlock()
			return Ticket{}, ErrTooManyFiles
		}
		if !s.tags.readable(&mark) {
			s.mu.Unlock()
			return Ticket{}, ErrReadAgain
		}
		if g := s.groupLocked(need); g != nil {
			t := s.addLocked(g, e)
			if e.tagged() {
				g.tags = append(g.tags, mark)
			}
			s.mu.Unlock()
			wake(s.wakeWriter)
			return t, nil
		}
		if s.blockedLocked(need) {
			s.wanted = need
		}
		changed := s.changedLocked()
		s.mu.Unlock()
		wake(s.wakeWriter)
		wake(s.wakeMaintainer) // it may have a segment to prepare
		select {
		case <-changed:
		case <-ctx.Done():
			return Ticket{}, s.full(ctx, need)
		case <-e.Stop:
			return Ticket{}, ErrStopped
		}
	}
}

// Accepts returns nil while entries are accepted: a [*FullError] from when an entry
// has found no room until one of its size would find some, and [ErrClosed].
func (s *Store) Accepts() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return ErrClosed
	}
	if s.blockedLocked(s.wanted) {
		return &FullError{MaxBytes: s.options.MaxBytes, Cause: cmp.Or(s.broken, s.noRoom)}
	}
	s.wanted = need{}
	return nil
}

// blockedLocked reports whether an entry of need bytes has no room, however long the
// disk is given for what came before.
func (s *Store) blockedLocked(need need) bool {
	if s.broken != nil || s.controlFullLocked() && !need.window.closes() {
		return true
	}
	kept, lasting := s.waiting.keepsOut(need, s.occupancyLocked())
	if kept {
		return lasting || s.noRoom != nil
	}
	if s.tailTakesLocked(need) {
		return false
	}
	return len(s.segments)+s.waiting.kept(need.window, s.capacity()) >= s.maxSegments() || s.noRoom != nil
}

// tailTakesLocked reports whether the last segment has room.
func (s *Store) tailTakesLocked(need need) bool {
	return s.tail != nil && s.planned+need.bytes <= s.tail.size && s.tail.suits(need.window)
}

// full returns why an entry of need bytes was not added until ctx ended.
func (s *Store) full(ctx context.Context, need need) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	cause := cmp.Or(s.broken, s.noRoom)
	if cause == nil && !s.blockedLocked(need) {
		return fmt.Errorf("waiting for the disk to take what came before: %w", context.Cause(ctx))
	}
	return &FullError{MaxBytes: s.options.MaxBytes, Cause: cause, Err: context.Cause(ctx)}
}

// controlFullLocked reports whether the control file needs its room for what
// there is.
func (s *Store) controlFullLocked() bool {
	return s.ledger.size()+len(s.records) > int(s.options.ControlBytes)*3/4
}

// groupLocked returns the group that has room for need bytes more; nil if there
// is none now.
func (s *Store) groupLocked(need need) *commitGroup {
	if s.broken != nil || s.controlFullLocked() && !need.window.closes() {
		return nil
	}
	if kept, _ := s.waiting.keepsOut(need, s.occupancyLocked()); kept {
		return nil
	}
	if g := s.filling; g != nil {
		size := int64(len(g.buf))
		if size+need.bytes > max(s.options.GroupBytes, need.bytes) || g.at+size+need.bytes > g.segment.size || !g.segment.suits(need.window) {
			return nil // until the writer has taken it
		}
		return g
	}
	g := s.memories.newGroup(s.nextNum)
	if s.tailTakesLocked(need) {
		g.segment, g.at = s.tail, s.planned
	} else if !s.openLocked(g, need.window) {
		s.memories.release(g)
		return nil
	}
	s.filling = g
	return g
}

// openLocked makes g the first group of a new segment.
func (s *Store) openLocked(g *commitGroup, w Window) bool {
	kept, merging := s.waiting.kept(w, s.capacity()), 1
	if w.closes() { // it must find room, also in a process that begins with all segments in use
		merging = 0
	}
	if len(s.spares) < 1+kept+merging || len(s.segments)+kept+merging > s.maxSegments() { // one stays for merging
		return false
	}
	n := s.spares[0]
	s.spares = s.spares[1:]
	n.title = title{version: s.waiting.format(w), folder: s.ledger.id, kind: logSegment, seq: s.newSequenceLocked(), first: g.first}
	n.end, n.next, n.indexed = titleSpace, g.first, titleSpace
	if s.tail != nil {
		s.tail.sealed = true
	}
	s.tail, s.planned = n, titleSpace
	s.segments = append(s.segments, n)
	g.segment, g.at, g.opens = n, titleSpace, true
	wake(s.wakeMaintainer) // for the next one
	return true
}

// addLocked appends the frame of e.
func (s *Store) addLocked(g *commitGroup, e *Entry) Ticket {
	at := len(g.buf)
	g.buf = slices.Grow(g.buf, frameSize(e.size()))
	g.buf = append(g.buf, make([]byte, frameHeader)...)
	g.buf = appendEntry(g.buf, e)
	length := len(g.buf) - at - frameHeader
	sum := checksum(g.buf[at+frameHeader:])
	g.buf = append(g.buf, make([]byte, frameSize(length)-frameHeader-length)...)
	g.frames = append(g.frames, frameRef{at, length, sum, s.nextNum, len(e.Messages)})
	g.parts = append(g.parts, e.Parts...)
	t := Ticket{First: s.nextNum, group: g}
	t.KeptMemory = s.recents.add(g, e, t.First, frameSize(length))
	s.noteWindowLocked(g, e, t.First, int64(frameSize(length)))
	if e.Numbered != nil {
		e.Numbered.Number(t.First)
	}
	if s.accepted.append(t.First, e.Accepted) {
		s.lowestLocked() // so that the next one forgets
	}
	s.nextNum += uint64(len(e.Messages))
	g.next = s.nextNum
	return t
}

// noteWindowLocked notes what an entry of g means to windows.
func (s *Store) noteWindowLocked(g *commitGroup, e *Entry, first uint64, bytes int64) {
	if e.Window.Waits() {
		s.waiting.bytes += bytes
		g.waits += bytes
	}
	g.frees += e.Frees
	if finished := e.Finished; finished != nil {
		g.told = append(g.told, func(err error) { finished(first, bytes, err) })
	}
}

// write writes groups until the store closes and none is left.
func (s *Store) write() {
	for {
		// Other goroutines that can run may add more. When it is this one's turn again,
		// there is nothing better to do than to write: a busy process syncs a fifth as often.
		runtime.Gosched()
		s.mu.Lock()
		g := s.filling
		if g != nil {
			s.filling, s.writing = nil, g
			s.planned = g.at + int64(len(g.buf))
			s.notifyLocked() // there is room in the next group
		}
		s.mu.Unlock()
		if g == nil {
			select {
			case <-s.wakeWriter:
				continue
			case <-s.stopWriter:
				return
			}
		}
		if !s.commit(g) {
			return // who closes the store tells the group behind
		}
	}
}

// commit writes and syncs g, and tells how that ended. It reports false if the store closes
// before the log can go on: a start would not find what is written behind that.
func (s *Store) commit(g *commitGroup) bool {
	if g.opens && !s.partsKept() {
		s.giveUp(g, ErrClosed)
		return false
	}
	if g.opens {
		s.mu.Lock()
		s.ends = s.endsLocked(g.segment)
		g.segment.title.ends = s.ends
		s.mu.Unlock()
	}
	for i, f := range g.frames {
		h := header{
			length: f.length, checksum: f.checksum, kind: kindEntry, segment: g.segment.title.seq,
			index: g.segment.frames + i, synced: g.segment.frames, first: f.first, messages: f.messages,
		}
		h.put(g.buf[f.at:])
	}
	began := time.Now()
	if err := g.write(); err != nil {
		return s.abort(g, err)
	}
	s.mu.Lock()
	s.syncs.count++
	s.syncs.total += time.Since(began)
	s.syncs.bytes += int64(len(g.buf))
	seg := g.segment
	for i, f := range g.frames {
		h := header{length: f.length, index: seg.frames + i, first: f.first}
		seg.note(&h, g.at+int64(f.at))
	}
	g.placeRecent(seg.frames)
	s.recents.synced(g.recent)
	seg.frames += len(g.frames)
	seg.end = g.at + int64(len(g.buf))
	seg.next, s.committed = g.next, g.next
	seg.pending += int(g.next - g.first) //nolint:gosec // bounded by a group
	for _, g := range g.tags {
		s.tags.add(g)
	}
	if g.opens {
		seg.titled = true
		s.continuedLocked(seg)
		wake(s.wakeMaintainer) // for the tags of the segment before
	}
	if len(g.parts) > 0 {
		s.doneLocked(g.parts)
		s.standsFor = s.appended
	}
	s.finishLocked(g, nil)
	s.mu.Unlock()
	return true
}

// continuedLocked records how the segments before n ended, now that its title,
// which says so, is durable: n may be gone before they are, but not before the
// control file has that, and that the numbers between were given to what was not stored: a
// start would miss them.
func (s *Store) continuedLocked(n *segment) {
	if len(s.ends) > 0 { // of which only the first can have frames: the others failed before their first one
		void := Range{s.ends[0].next, n.title.first}
		for part := range portions([]Range{void}, maxRange) { // former processes have skipped numbers, too
			s.doneLocked(part)
		}
	}
	for _, e := range s.ends {
		s.recordLocked(appendSealed(s.records, e))
		s.ledger.ends[e.seq] = e
	}
	s.ends = nil
	n.marked = s.appended
}

// finishLocked tells all who wait for g.
func (s *Store) finishLocked(g *commitGroup, err error) {
	s.writing = nil
	s.endGroupLocked(g, err)
	s.notifyLocked()
}

func (s *Store) endGroupLocked(g *commitGroup, err error) {
	if err != nil {
		s.waiting.bytes -= g.waits
		s.recents.drop(g.recent...)
	} else {
		s.waiting.bytes -= g.frees
	}
	s.memories.release(g)
	for _, tell := range g.told {
		tell(err)
	}
	g.told = nil
	g.err = err
	close(g.finished)
}

// endsLocked returns how the segments ended that the title of n must speak of: all of the
// log since the last title that is known to be synced. n is nil before it is one of the
// segments. One that was opened behind n has not ended.
func (s *Store) endsLocked(n *segment) []segmentEnd {
	ends, before := slices.Clone(s.ends), s.segments
	if at := slices.Index(before, n); at >= 0 {
		before = before[:at]
	}
	for _, seg := range slices.Backward(before) {
		if seg.title.kind == logSegment {
			if !slices.ContainsFunc(ends, func(e segmentEnd) bool { return e.seq == seg.title.seq }) {
				ends = append(ends, segmentEnd{seg.title.seq, seg.frames, seg.next})
			}
			break
		}
	}
	return ends
}

// partsKept returns once the control file says what the entries of the former
// segment stand for: a start looks for that in the last segment only.
func (s *Store) partsKept() bool {
	s.mu.Lock()
	upTo := s.standsFor
	s.mu.Unlock()
	return s.flushed(upTo)
}
