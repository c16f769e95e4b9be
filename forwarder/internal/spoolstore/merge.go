package spoolstore

import (
	"errors"
	"io"
	"slices"
)

// mergeable returns neighbours of which so little is left that it fits into one
// segment, and that one: a partition that waits must not keep the disk of the others. So of
// two neighbours more than one segment's worth is always pending, and what is
// on the disk is at most twice what is pending, beside the ends of the log.
func (s *Store) mergeable() (run []*segment, into *segment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.spares) == 0 {
		return nil, nil
	}
	last := s.lastOfLogLocked()
	left := int64(0)
	for _, seg := range s.segments {
		ok := seg.sealed && seg != last && !seg.reserved && !seg.stuck && !seg.damaged && seg.pending > 0 && (seg.apart == 0 || seg.pending < seg.apart) && s.tagsKeptLocked(seg) &&
			(s.writing == nil || s.writing.segment != seg)
		more := int64(0)
		if ok {
			more = s.leftLocked(seg)
			ok = len(run) < titleRoom
		}
		if !ok || left+more > s.capacity() {
			if len(run) > 1 {
				break
			}
			run, left = nil, 0
			if !ok {
				continue
			}
		}
		run, left = append(run, seg), left+more
	}
	if len(run) < 2 {
		return nil, nil
	}
	for _, seg := range run {
		seg.reserved = true
	}
	into, s.spares = s.spares[0], s.spares[1:]
	return run, into
}

// leftLocked estimates how many bytes of frames are pending.
func (s *Store) leftLocked(seg *segment) int64 {
	total := seg.span().Len()
	if seg.title.kind == mergeSegment {
		total = seg.held
	}
	if total == 0 {
		return 0
	}
	return (seg.end - titleSpace) * int64(seg.pending) / int64(total)
}

var errDoesNotFit = errors.New("more is left than fits into one segment")

// merge writes what is left of run to n, and then lets that one stand
// for all of them: its title, which names them, is written last.
func (s *Store) merge(run []*segment, n *segment) error {
	s.mu.Lock()
	n.title = title{
		folder: s.ledger.id, kind: mergeSegment, seq: s.newSequenceLocked(), first: run[0].title.first, next: run[len(run)-1].next,
	}
	s.mu.Unlock()
	for _, seg := range run {
		n.title.replaces = append(n.title.replaces, seg.title.seq)
		n.title.version = max(n.title.version, seg.title.version)
	}
	err := s.copyPending(run, n)
	if err == nil && !s.marksKept(run) {
		err = ErrClosed
	}
	if err != nil {
		if s.options.ZeroDrained {
			err = errors.Join(err, s.clear(n)) // of copies of what is pending
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, seg := range run {
			seg.reserved = false
			if errors.Is(err, errDoesNotFit) {
				seg.apart = seg.pending
			}
		}
		s.spareLocked(n)
		s.notifyLocked()
		return err
	}
	n.title.frames, n.title.held, n.title.end = n.frames, n.held, n.end
	err = s.writeTitle(n)
	s.mu.Lock()
	for _, seg := range run {
		seg.reserved = false
		seg.stuck = err != nil // the title may be durable: it is for the next start to find out
	}
	if err != nil {
		s.lost = append(s.lost, n)
		s.mu.Unlock()
		return err
	}
	n.sealed, n.next = true, n.title.next
	for _, seg := range run {
		n.pending += seg.pending
		n.marked = max(n.marked, seg.marked)
		delete(s.ledger.ends, seg.title.seq)
	}
	at := slices.Index(s.segments, run[0])
	s.segments = slices.Replace(s.segments, at, at+len(run), n)
	s.mu.Unlock()
	for _, seg := range run {
		failed := s.retire(seg)
		s.mu.Lock()
		if failed != nil { // it is never used again; the next start knows that n stands for it
			s.lost = append(s.lost, seg)
		} else {
			s.spareLocked(seg)
		}
		s.notifyLocked()
		s.mu.Unlock()
		err = errors.Join(err, failed)
	}
	return err
}

// marksKept returns once the control file says what is done in these segments. A
// start that does not find it there must find the messages.
func (s *Store) marksKept(run []*segment) bool {
	upTo := uint64(0)
	s.mu.Lock()
	for _, seg := range run {
		upTo = max(upTo, seg.marked)
	}
	s.mu.Unlock()
	return s.flushed(upTo)
}

// copyPending appends the frames of run to n that have a message which is not
// done.
func (s *Store) copyPending(run []*segment, n *segment) error {
	n.end = titleSpace
	var buf []byte
	flush := func() error {
		if len(buf) == 0 {
			return nil
		}
		_, err := n.file.WriteAt(buf, n.end-int64(len(buf)))
		buf = buf[:0]
		return err
	}
	for _, seg := range run {
		sc := newScanner(seg, mark{seg.title.first, titleSpace, 0}, seg.end)
		sc.frames = seg.frames
		for {
			h, payload, _, err := sc.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				s.mu.Lock()
				seg.damaged = seg.damaged || errors.Is(err, errGap) // a reader reports it
				s.mu.Unlock()
				return err
			}
			left := s.left(Range{h.first, h.next()})
			if left == 0 {
				continue
			}
			size := frameSize(h.length)
			if n.end+int64(size) > n.size {
				return errDoesNotFit
			}
			at := len(buf)
			buf = append(buf, make([]byte, size)...)
			copy(buf[at+frameHeader:], payload)
			h.segment, h.index, h.synced = n.title.seq, n.frames, n.frames
			h.put(buf[at:])
			n.note(&h, n.end)
			n.frames++
			n.held += h.messages
			n.end += int64(size)
			if len(buf) >= readAhead {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	return n.file.Sync()
}

// left returns how many messages of r are not done.
func (s *Store) left(r Range) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return r.Len() - s.ledger.done.count(r)
}

func (s *Store) writeTitle(seg *segment) error {
	if _, err := seg.file.WriteAt(seg.title.bytes(), 0); err != nil {
		return err
	}
	return seg.file.Sync()
}
