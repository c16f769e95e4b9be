package spoolstore

import (
	"errors"
	"fmt"
	"slices"
)

// openLedger reads the control file. If it is missing or damaged although there
// are segments, the messages in them may have been sent already.
func (s *Store) openLedger(there bool) error {
	if !there {
		if len(s.segments) > 0 {
			s.loseControlLocked()
		}
		var err error
		s.control, err = createControl(s.fs, controlName, controlMagic, s.options.ControlBytes)
		return err
	}
	c, damaged, err := openControl(s.fs, controlName, controlMagic, func(b []byte) error {
		if err := s.ledger.apply(b); err != nil {
			return fmt.Errorf("the control file: %w", err)
		}
		return nil
	})
	s.control = c
	if errors.Is(err, errNoLedger) {
		err = nil
		if len(s.segments) == 0 { // the power was cut before the first ledger
			damaged = false
		}
		if c.half != s.options.ControlBytes {
			err = s.replaceControl()
		}
	}
	if damaged {
		s.loseControlLocked()
	}
	return err
}

// checkOpenings reports the control file if it does not have the start that made a segment:
// that is recorded before. Nothing else runs yet.
func (s *Store) checkOpenings() {
	if slices.ContainsFunc(s.segments, func(seg *segment) bool { return seg.title.seq>>openingShift > s.ledger.openings }) {
		s.loseControlLocked()
	}
}

// loseControlLocked reports, once, that the control file does not say what was sent.
func (s *Store) loseControlLocked() {
	if !s.doubtful {
		s.reportLocked(Damage{File: controlName, Offset: -1})
		s.doubtful = true
	}
}

// replaceControl keeps a control file under another name that has another size and no
// ledger: one may not fit.
func (s *Store) replaceControl() error {
	if err := s.control.file.Close(); err != nil {
		return err
	}
	s.control = nil
	if err := s.renameAside(controlName, damagedPrefix+controlName); err != nil {
		return err
	}
	var err error
	s.control, err = createControl(s.fs, controlName, controlMagic, s.options.ControlBytes)
	return err
}

// unstored is more than the messages of the groups that a former process had
// numbered and not written when it died.
const unstored = 1 << 20

// skipNumbers leaves out those that a former process may have told a caller for a
// batch that never reached the disk: under the same number another one would be
// taken for it.
func (s *Store) skipNumbers() {
	if s.ledger.openings == 1 {
		return
	}
	from := s.nextNum
	s.nextNum += unstored
	s.ledger.done.add(Range{from, s.nextNum})
}

// beginControl begins a half of the control file, so that this opening counts
// before anything is written.
func (s *Store) beginControl() error {
	s.skipNumbers()
	s.ledger.next, s.committed = s.nextNum, s.nextNum
	if s.doubtful {
		s.ledger.doubtful.add(Range{1, s.nextNum})
	}
	ledger := s.ledger.encode()
	if err := s.control.begin(ledger); err != nil {
		return err
	}
	if err := s.beginTags(); err != nil {
		return err
	}
	if err := s.fs.SyncDir(); err != nil {
		return err
	}
	s.running.Go(s.write)
	s.running.Go(s.keep)
	return nil
}

// AllDoubtful reports whether any message of a former store may have been sent,
// because the control file, which would say so, was damaged.
func (s *Store) AllDoubtful() bool { return s.doubtful }
