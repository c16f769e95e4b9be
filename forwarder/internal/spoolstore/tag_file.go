package spoolstore

import (
	"errors"
	"io"
	"slices"
	"time"
)

// Ids and positions lie in the frames of their entries, and nowhere else until
// the log goes on in another segment. Then the maintainer writes them to the file
// of tags, and syncs it before it recycles or merges the segment. So a start
// reads the file and the frames that came later: an id is known exactly if its
// entry was stored.
const (
	tagsName    = "tags"
	newTagsName = "tags-new" // while the file gets another size
	tagsMagic   = "EVFTAGS\x00"
)

// tagsHalf is the size of a half of the file for a limit: all there can be, and
// half as much for changes.
func tagsHalf(limit int) int64 {
	whole := int64(limit) * (idBytes + positionBytes)
	return sector + blockSize(int(whole+whole/2)+4*sector)
}

// KnownID reports whether an entry with this id and digest was stored within the
// last hour, and whether one with the same id and another digest was.
func (s *Store) KnownID(id string, digest [32]byte) (same, other bool) {
	hash, now := hashName(id), time.Now().UnixMilli()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tags.find(hash, digest, now)
}

// Position returns the position in a file of the last entry from it that was
// stored.
func (s *Store) Position(file string) (offset int64, ok bool) {
	hash := hashName(file)
	s.mu.Lock()
	defer s.mu.Unlock()
	offset, ok = s.tags.positions[hash]
	return offset, ok
}

// wantsTags reports whether a segment holds tags that the file lacks.
func (s *Store) wantsTags() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.segments, func(seg *segment) bool {
		return seg.sealed && seg.frames > 0 && !s.tagsKeptLocked(seg)
	})
}

// tagsKeptLocked reports whether the file has the tags of a segment.
func (s *Store) tagsKeptLocked(seg *segment) bool { return seg.next <= s.tags.upTo }

// keepTags makes all tags durable in the file. Only the maintainer calls it.
func (s *Store) keepTags() error {
	s.mu.Lock()
	change, behind := s.tags.change(s.committed), s.tags.behind()
	s.mu.Unlock()
	b := change.encode()
	if !s.tagFile.room(len(b)) || s.tagFile.write(b) != nil {
		s.mu.Lock()
		change, behind = s.tags.all(s.committed), s.tags.behind()
		s.mu.Unlock()
		if err := s.tagFile.begin(change.encode()); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tags.told(change, behind)
	return nil
}

// openTags reads the file of tags. If it is missing or damaged although there are
// segments, ids and positions may be forgotten.
func (s *Store) openTags(names []string) error {
	s.tags = newTagTable(s.options.Remembered)
	half := tagsHalf(s.options.Remembered)
	if slices.Contains(names, newTagsName) { // the power was cut before it was complete
		if err := s.fs.Remove(newTagsName); err != nil {
			return err
		}
	}
	damaged := !slices.Contains(names, tagsName)
	var err error
	if damaged {
		s.tagFile, err = createControl(s.fs, tagsName, tagsMagic, half)
	} else {
		damaged, err = s.readTagFile(half)
	}
	if damaged && len(s.segments) > 0 { // else the power was cut at the first start
		s.reportLocked(Damage{File: tagsName, Offset: -1})
	}
	return err
}

func (s *Store) readTagFile(half int64) (damaged bool, err error) {
	wrong := false
	s.tagFile, damaged, err = openControl(s.fs, tagsName, tagsMagic, func(b []byte) error {
		wrong = wrong || s.tags.apply(b) != nil
		return nil
	})
	if wrong {
		damaged, s.tags = true, newTagTable(s.options.Remembered)
	}
	if errors.Is(err, errNoLedger) {
		err = nil
	}
	if err == nil && s.tagFile.half != half {
		err = s.resizeTagFile(half)
	}
	return damaged, err
}

// resizeTagFile replaces the file by one of another size.
func (s *Store) resizeTagFile(half int64) error {
	n, err := createControl(s.fs, newTagsName, tagsMagic, half)
	if err != nil {
		return err
	}
	former := s.tagFile
	s.tagFile = n
	all := s.tags.all(s.tags.upTo)
	if err := n.begin(all.encode()); err != nil {
		return errors.Join(err, former.file.Close())
	}
	if err := former.file.Close(); err != nil {
		return err
	}
	if err := s.fs.Rename(newTagsName, tagsName); err != nil {
		return err
	}
	return s.fs.SyncDir()
}

// readTags reads the tags that the file lacks from the segments.
func (s *Store) readTags() error {
	for _, seg := range s.segments {
		if s.tagsKeptLocked(seg) {
			continue
		}
		sc := newScanner(seg, mark{seg.title.first, titleSpace, 0}, seg.end)
		sc.frames = seg.frames
		for {
			h, payload, _, err := sc.next()
			if errors.Is(err, errGap) { // a reader reports it
				_, err = sc.resync()
				if err == nil {
					continue
				}
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			if h.first >= s.tags.upTo {
				s.readTag(payload, h.messages)
			}
		}
	}
	return nil
}

func (s *Store) readTag(payload []byte, messages int) {
	if len(payload) == 0 || payload[0]&(hasID|hasSource) == 0 {
		return
	}
	if e, err := decodeEntry(payload, messages); err == nil {
		s.tags.add(e.tag())
	}
}

// beginTags begins a half of the file with what is known. What another process
// wrote last may not be on the disk, although it can be read.
func (s *Store) beginTags() error {
	all := s.tags.all(s.committed)
	if err := s.tagFile.begin(all.encode()); err != nil {
		return err
	}
	s.tags.told(all, s.tags.behind())
	return nil
}
