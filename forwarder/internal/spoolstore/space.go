package spoolstore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// maintain prepares, recycles and merges segments until the store closes.
func (s *Store) maintain() {
	failures := 0
	var logged maintenanceLog
	for {
		worked, err := s.maintainOnce()
		if err != nil && !errors.Is(err, errDoesNotFit) { // that is no failure: it was estimated to fit
			logged.failed(s.log, err, time.Now())
		}
		switch {
		case err != nil && !worked:
			select {
			case <-time.After(afterFailure(failures)):
				failures++
			case <-s.stop:
				return
			}
		case worked:
			failures = 0
		default:
			select {
			case <-s.wakeMaintainer:
			case <-s.stop:
				return
			}
		}
		select {
		case <-s.stop:
			return
		default:
		}
	}
}

// maintainOnce does one piece of work, if there is any. A file of tags that
// cannot be written keeps segments from being recycled, and nothing else.
func (s *Store) maintainOnce() (worked bool, err error) {
	if !s.wantsTags() {
		return s.maintainSegments()
	}
	failed := s.keepTags()
	if failed == nil {
		return true, nil
	}
	worked, err = s.maintainSegments()
	return worked, errors.Join(fmt.Errorf("writing the file of tags: %w", failed), err)
}

func (s *Store) maintainSegments() (worked bool, err error) {
	if seg := s.drained(); seg != nil {
		err := s.recycle(seg)
		return err == nil, err
	}
	if s.wantsSpare() {
		seg, err := s.createSegment()
		s.mu.Lock()
		defer s.mu.Unlock()
		if err != nil {
			s.noRoom = nil
			if isFull(err) {
				s.noRoom = err
			}
			return false, err
		}
		s.noRoom = nil
		s.spares = append(s.spares, seg)
		s.notifyLocked()
		return true, nil
	}
	if run, into := s.mergeable(); run != nil {
		err := s.merge(run, into)
		return err == nil || errors.Is(err, errDoesNotFit), err
	}
	if seg := s.unmeasured(); seg != nil {
		err := s.measure(seg)
		return err == nil, err
	}
	return false, nil
}

// wantsSpare reports whether a segment must be prepared: one ahead of the log
// and one for merging, and what is kept for windows, as far as the limit goes. The one for merging is beyond
// it.
func (s *Store) wantsSpare() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.spares) < 2+s.waiting.kept(Window{}, s.capacity()) && len(s.spares)+len(s.segments) < s.maxSegments()+1
}

// drained returns a segment of which nothing is left and all that says so is
// durable. The last one of the log stays: its numbers say where a later start
// goes on.
func (s *Store) drained() *segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.lastOfLogLocked()
	for _, seg := range s.segments {
		if seg.isSpent() && seg != last && !seg.reserved && !seg.stuck && seg.marked <= s.synced && s.tagsKeptLocked(seg) &&
			(s.writing == nil || s.writing.segment != seg) {
			seg.reserved = true
			return seg
		}
	}
	return nil
}

// lastOfLogLocked returns the newest segment of the log that is durable. Behind it may be some that
// wait for their title.
func (s *Store) lastOfLogLocked() *segment {
	for _, seg := range slices.Backward(s.segments) {
		if seg.title.kind == logSegment && !seg.stuck && seg.titled {
			return seg
		}
	}
	return nil
}

// recycle makes a segment a spare one.
func (s *Store) recycle(seg *segment) error {
	err := s.retire(seg)
	s.mu.Lock()
	defer s.mu.Unlock()
	seg.reserved = false
	if err != nil {
		seg.stuck = true // a sync that failed proves nothing when the next succeeds; a start finds out
		return err
	}
	s.segments = slices.DeleteFunc(s.segments, func(other *segment) bool { return other == seg })
	delete(s.ledger.ends, seg.title.seq)
	s.spareLocked(seg)
	s.notifyLocked()
	return nil
}

// retire clears the file of a segment that is not needed any more, or keeps it under another name
// if it is damaged.
func (s *Store) retire(seg *segment) error {
	s.mu.Lock()
	damaged := seg.damaged
	s.mu.Unlock()
	if damaged {
		return s.setAside(seg)
	}
	return s.clear(seg)
}

// spareLocked keeps the file of a segment for another life, unless it was set aside.
func (s *Store) spareLocked(seg *segment) {
	if seg.damaged {
		return
	}
	s.spares = append(s.spares, &segment{file: seg.file, name: seg.name, size: seg.size})
}

// clear overwrites the title of a segment, or all of it if the options say so.
func (s *Store) clear(seg *segment) error {
	size := int64(titleSpace)
	if s.options.ZeroDrained {
		size = seg.size
	}
	chunk := make([]byte, min(size, readAhead))
	for at := int64(0); at < size; at += int64(len(chunk)) {
		if _, err := seg.file.WriteAt(chunk[:min(int64(len(chunk)), size-at)], at); err != nil {
			return err
		}
	}
	return seg.file.Sync()
}

// setAside keeps the file of a damaged segment under another name.
func (s *Store) setAside(seg *segment) error {
	if err := s.renameAside(seg.name, damagedPrefix+strings.TrimPrefix(seg.name, segmentPrefix)); err != nil {
		return err
	}
	if err := s.fs.SyncDir(); err != nil {
		return err
	}
	return seg.file.Close()
}

// renameAside gives a file a name, or that name and a number: what was set aside before stays.
func (s *Store) renameAside(name, aside string) error {
	names, err := s.fs.List()
	if err != nil {
		return err
	}
	free := aside
	for n := 2; slices.Contains(names, free); n++ {
		free = fmt.Sprintf("%s-%d", aside, n)
	}
	return s.fs.Rename(name, free)
}
