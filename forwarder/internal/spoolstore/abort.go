package spoolstore

import (
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/backoff"
	"github.com/eventferry/eventferry/forwarder/internal/disk"
)

// afterFailure is the pause before the next attempt at what the disk has refused
// so many times before.
func afterFailure(attempt int) time.Duration {
	return backoff.Exponential(10*time.Millisecond, time.Second, attempt)
}

// abort seals the segment that g could not be written to: it is never synced
// again. The log goes on in another segment whose title says that g is void;
// once that title is durable, g is certainly not stored. Nothing is accepted
// before. It reports false if the store closes first.
func (s *Store) abort(g *commitGroup, cause error) bool {
	s.log.Error("spool: cannot write", slog.String("file", g.segment.name), slog.String("error", cause.Error()))
	s.mu.Lock()
	s.broken = cause
	bad := g.segment
	bad.sealed = true
	if f := s.filling; f != nil && f.opens { // nothing was written to its segment
		s.segments = slices.DeleteFunc(s.segments, func(n *segment) bool { return n == f.segment })
		s.spares = append(s.spares, f.segment)
	}
	s.ends = s.endsLocked(nil) // of which bad is the last, now that the one behind it is gone
	s.tags.fail(g.tags)
	s.dropFollowersLocked(cause)
	s.mu.Unlock()

	certain := true
	for attempt := 0; ; attempt++ {
		err := s.continueLog()
		if err == nil {
			break
		}
		s.log.Error("spool: cannot continue elsewhere", slog.String("error", err.Error()))
		if certain { // the callers need not wait for the disk to recover
			certain = false
			s.giveUp(g, cause)
		}
		select {
		case <-time.After(afterFailure(attempt)):
		case <-s.stopWriter:
			return false
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = nil
	if certain {
		s.finishLocked(g, &NotStoredError{cause})
	}
	s.notifyLocked()
	return true
}

// dropFollowersLocked drops the group that was to be written next if an entry of it
// follows, in its file, one that is not stored.
func (s *Store) dropFollowersLocked(cause error) {
	f := s.filling
	if f == nil || !slices.ContainsFunc(f.tags, func(g tag) bool { return !s.tags.readable(&g) }) {
		return
	}
	s.tags.fail(f.tags)
	s.filling = nil
	s.endGroupLocked(f, &NotStoredError{cause})
}

// giveUp leaves open what became of g.
func (s *Store) giveUp(g *commitGroup, cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finishLocked(g, &UnknownError{cause})
}

// continueLog begins a segment with a title and no frames, and moves the group
// there that was to follow.
func (s *Store) continueLog() error {
	if !s.partsKept() {
		return ErrClosed
	}
	s.mu.Lock()
	var n *segment
	if len(s.spares) > 0 { // beyond the limit, if it must be: this one stands for the one that failed
		n = s.spares[0]
		s.spares = s.spares[1:]
	}
	first := s.nextNum
	if s.filling != nil {
		first = s.filling.first
	}
	seq := s.newSequenceLocked()
	ends, format := s.ends, s.waiting.format(Window{})
	s.mu.Unlock()
	if len(ends) >= titleRoom {
		return errTooManyFailures
	}
	if n == nil {
		wake(s.wakeMaintainer)
		var err error
		if n, err = s.createSegment(); err != nil {
			return err
		}
	}
	n.title = title{version: format, folder: s.ledger.id, kind: logSegment, seq: seq, first: first, ends: ends}
	n.end, n.next, n.indexed = titleSpace, first, titleSpace
	_, err := n.file.WriteAt(n.title.bytes(), 0)
	if err == nil {
		err = n.file.Sync()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		// Its title may be durable, and then says that it holds nothing.
		s.ends = append(s.ends, segmentEnd{seq, 0, first})
		n.sealed, n.stuck = true, true
		s.insertLocked(n)
		return err
	}
	n.titled = true
	s.continuedLocked(n)
	s.insertLocked(n)
	s.tail, s.planned = n, titleSpace
	if g := s.filling; g != nil {
		g.segment, g.at, g.opens = n, titleSpace, false
	}
	return nil
}

var errTooManyFailures = errors.New("too many writes have failed one after the other: nothing is accepted until the next start")

// insertLocked puts n behind all others.
func (s *Store) insertLocked(n *segment) { s.segments = append(s.segments, n) }

// createSegment makes the file of one more segment.
func (s *Store) createSegment() (*segment, error) {
	s.mu.Lock()
	s.nextFile++
	name := segmentName(s.nextFile)
	s.mu.Unlock()
	f, err := s.fs.Create(name, s.options.SegmentBytes)
	if err != nil {
		return nil, err
	}
	if err := s.fs.SyncDir(); err != nil {
		return nil, errors.Join(err, f.Close(), s.fs.Remove(name))
	}
	return &segment{file: f, name: name, size: s.options.SegmentBytes}, nil
}

// isFull reports whether err is about room.
func isFull(err error) bool { return disk.IsFull(err) }
