package spoolstore

import "slices"

// leavePlain leaves nothing of the newer format behind, so that an older program may have
// the folder: a store in which something has waited, and that is drained, loses its
// segments. What they alone told goes into the files of tags and control before. Nothing
// else runs any more.
func (s *Store) leavePlain() error {
	if !s.drainedOfWindows() {
		return nil
	}
	if err := s.keepTags(); err != nil {
		return err
	}
	if err := s.forgetSegments(); err != nil {
		return err
	}
	for _, seg := range s.segments { // whatever of it is durable: the control file needs none of them
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

// forgetSegments has the control file say that all numbers so far are done, whatever
// segments there are. Without that a start would miss them.
func (s *Store) forgetSegments() error {
	s.mu.Lock()
	s.ledger.next = s.committed
	s.ledger.done.add(Range{1, s.committed})
	clear(s.ledger.ends)
	ledger := s.ledger.encode()
	s.mu.Unlock()
	return s.control.begin(ledger)
}
