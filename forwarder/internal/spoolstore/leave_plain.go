package spoolstore

import (
	"context"
	"slices"
)

// leavePlain leaves nothing of the newer format behind, so that an older program may have
// the folder: a store in which something has waited, and that is drained, goes on in a
// segment of the plain format, without a frame, and loses the others. What they alone told
// goes into the files of tags and control before. Nothing else runs any more. When ctx ends
// it goes no further: each step leaves a folder that the newer program reads.
func (s *Store) leavePlain(ctx context.Context) error {
	if !s.drainedOfWindows() {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := s.keepTags(); err != nil {
		return err
	}
	former := slices.Clone(s.segments)
	if err := s.continuePlain(); err != nil {
		return err
	}
	if err := s.forgetSegments(); err != nil {
		return err
	}
	for _, seg := range former { // whatever of it is durable: the control file needs none of them
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := s.clear(seg); err != nil {
			return err
		}
	}
	return nil
}

// drainedOfWindows reports whether segments of the newer format are left, of which nothing
// is pending or refused, and the control file says so.
func (s *Store) drainedOfWindows() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.synced == s.appended && s.broken == nil && len(s.lost) == 0 &&
		slices.ContainsFunc(s.segments, func(seg *segment) bool { return seg.title.version > plainVersion }) &&
		!slices.ContainsFunc(s.segments, func(seg *segment) bool { return seg.pending > 0 || seg.stuck || seg.damaged || seg.reserved })
}

// continuePlain makes a segment of the plain format the last one of the log. A start learns from
// its title, even if the control file is lost, that the folder was in use, by which id, where its
// numbers go on, and which sequence numbers were given: under one that is given again, frames
// of a former life would count.
func (s *Store) continuePlain() error {
	n, err := s.spareOrNew()
	if err != nil {
		return err
	}
	s.mu.Lock()
	n.title = title{
		version: plainVersion, folder: s.ledger.id, kind: logSegment, seq: s.newSequenceLocked(), first: s.nextNum, ends: s.endsLocked(nil),
	}
	s.insertLocked(n)
	s.mu.Unlock()
	return s.writeTitle(n)
}

// spareOrNew returns a segment that was prepared, if there is one.
func (s *Store) spareOrNew() (*segment, error) {
	s.mu.Lock()
	if len(s.spares) > 0 {
		n := s.spares[0]
		s.spares = s.spares[1:]
		s.mu.Unlock()
		return n, nil
	}
	s.mu.Unlock()
	return s.createSegment()
}

// forgetSegments has the control file say that all numbers so far are done, whatever
// segments there are. Without that a start would miss them.
func (s *Store) forgetSegments() error {
	s.mu.Lock()
	s.ledger.next = s.committed
	s.ledger.done.add(Range{1, s.nextNum})
	clear(s.ledger.ends)
	ledger := s.ledger.encode()
	s.mu.Unlock()
	return s.control.begin(ledger)
}
