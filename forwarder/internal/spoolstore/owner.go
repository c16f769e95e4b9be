package spoolstore

import "crypto/rand"

// dropForeign sets files aside that come from another folder, and gives a folder that has
// no id yet a new one. Nothing else runs yet.
func (s *Store) dropForeign() error {
	id := s.owner()
	if id != s.ledger.id && s.ledger.id != (folderID{}) {
		s.ledger = newLedger()
		s.loseControlLocked()
		if err := s.replaceControl(); err != nil {
			return err
		}
	}
	if s.ledger.id = id; id == (folderID{}) {
		if _, err := rand.Read(s.ledger.id[:]); err != nil {
			return err
		}
	}
	kept := s.segments[:0]
	for _, seg := range s.segments {
		if seg.title.folder == s.ledger.id || seg.title.folder == (folderID{}) {
			kept = append(kept, seg)
			continue
		}
		s.reportLocked(Damage{File: seg.name, Offset: -1})
		if err := s.setAside(seg); err != nil {
			return err
		}
	}
	s.segments = kept
	return nil
}

// owner returns the id of the control file if a segment has it too: no number of others is
// stronger than both together. Otherwise it is the id that most files have; of as many, that of
// the control file, and then of the newest segment. It is zero if no file has one.
func (s *Store) owner() folderID {
	type claim struct {
		files  int
		newest uint64
	}
	claims := map[folderID]claim{}
	for _, seg := range s.segments {
		if seg.title.folder != (folderID{}) {
			c := claims[seg.title.folder]
			claims[seg.title.folder] = claim{c.files + 1, max(c.newest, seg.title.seq)}
		}
	}
	owner := s.ledger.id
	if owner != (folderID{}) {
		if claims[owner].files > 0 {
			return owner
		}
		claims[owner] = claim{files: 1}
	}
	for _, seg := range s.segments {
		c, best := claims[seg.title.folder], claims[owner]
		if c.files > best.files || c.files == best.files && owner != s.ledger.id && c.newest > best.newest {
			owner = seg.title.folder
		}
	}
	return owner
}
