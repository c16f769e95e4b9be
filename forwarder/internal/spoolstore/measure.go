package spoolstore

import (
	"errors"
	"io"
)

// measureFrom is the part of all segments, one in so many, that must be in use before
// those are measured that a start has found: it costs reading them.
const measureFrom = 4

// unmeasured returns a segment that a start has found, and of which nothing says how full
// it is. It cannot be merged before that is known, so that each life of a process would
// keep a segment, however little it has stored.
func (s *Store) unmeasured() *segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.segments) < max(2, s.maxSegments()/measureFrom) {
		return nil
	}
	for _, seg := range s.segments {
		if seg.guessed && seg.sealed && seg.pending > 0 && !seg.stuck && !seg.damaged {
			return seg
		}
	}
	return nil
}

// measure finds out where the last frame of a segment ends. Where one is damaged, that is
// left to who needs it.
func (s *Store) measure(seg *segment) error {
	sc := newScanner(seg, mark{seg.title.first, titleSpace, 0}, seg.size)
	sc.frames = seg.frames
	var err error
	for err == nil {
		_, _, _, err = sc.next()
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, errGap) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	seg.guessed = false
	if sc.index == seg.frames {
		seg.end = sc.at
	}
	return nil
}
