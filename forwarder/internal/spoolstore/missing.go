package spoolstore

import (
	"errors"
	"fmt"
	"io"
)

// findMissing reports messages that are not done and in no segment. Numbers
// between two segments of the log were given to groups that were not stored.
func (s *Store) findMissing() {
	next := uint64(1)
	for _, seg := range s.segments {
		if ends := seg.title.ends; len(ends) > 0 {
			s.ledger.done.add(Range{ends[0].next, seg.title.first})
		}
		s.reportMissing(Range{next, seg.title.first})
		next = max(next, seg.next)
	}
	s.reportMissing(Range{next, s.nextNum})
}

// findMissingLast reports the last segment of the log if it is not there: how a segment
// ended is recorded once the next one is durable, and the last one is never recycled. What
// it had is not known.
func (s *Store) findMissingLast(last *segment, ends map[uint64]segmentEnd) {
	for seq := range ends {
		if last == nil || seq >= last.title.seq {
			s.reportLocked(Damage{File: missingSegment, Offset: -1})
			return
		}
	}
}

// missingSegment stands for the file of messages that are in none.
const missingSegment = "a segment that is not there"

func (s *Store) reportMissing(r Range) {
	for {
		lost := s.ledger.done.missing(r)
		if lost.First >= lost.Next {
			return
		}
		s.reportLocked(Damage{File: missingSegment, Offset: -1, Messages: lost.Len()})
		s.ledger.done.add(lost)
		r.First = lost.Next
	}
}

// markGone counts the messages as done that lie between the frames of a merged segment:
// it stands for them, and has them no more. The control file would say so. What lies
// before or behind a damaged frame is left to who reads the segment.
func (s *Store) markGone(seg *segment) error {
	sc := newScanner(seg, mark{seg.title.first, titleSpace, 0}, seg.end)
	sc.frames = seg.frames
	next := seg.title.first
	for {
		h, _, _, err := sc.next()
		if errors.Is(err, errGap) {
			h, err = sc.resync()
			next = h.first
			if err == nil {
				continue
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
		}
		if errors.Is(err, io.EOF) {
			s.ledger.done.add(Range{next, seg.next})
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", seg.name, err)
		}
		s.ledger.done.add(Range{next, h.first})
		next = h.next()
	}
}
