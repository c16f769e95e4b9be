package spoolstore

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/eventferry/eventferry/forwarder/internal/disk"
)

// Open reads what an earlier store has left on fs, and continues it. Damage
// reports the files that are damaged; they are kept under another name. Opening reads the
// titles of all segments, the control file, and the last segment; the others
// are read when their messages are asked for.
//
// The store closes fs when it is closed, also if Open fails.
func Open(fs disk.FS, o Options) (*Store, error) { return openWith(fs, o, lastSynced) }

// openWith opens a store that finds the end of its log by lastSynced.
func openWith(fs disk.FS, o Options, lastSynced func(*segment, *scanner) (int, error)) (*Store, error) {
	s := &Store{
		fs: fs, options: o, log: o.Logger, lastSynced: lastSynced,
		turn:           make(chan struct{}, 1),
		ledger:         newLedger(),
		wakeWriter:     make(chan struct{}, 1),
		wakeKeeper:     make(chan struct{}, 1),
		flushTurn:      make(chan struct{}, 1),
		wakeKeeperNow:  make(chan struct{}, 1),
		wakeMaintainer: make(chan struct{}, 1),
		stopWriter:     make(chan struct{}),
		stopKeeper:     make(chan struct{}),
		stop:           make(chan struct{}),
	}
	if err := s.load(); err != nil {
		s.closeFiles()
		return nil, errors.Join(err, fs.Close())
	}
	s.running.Go(s.maintain)
	return s, nil
}

// load rebuilds the state. Nothing else runs yet.
func (s *Store) load() error {
	names, err := s.fs.List()
	if err != nil {
		return err
	}
	for _, name := range names {
		if n, ok := segmentNumber(name); ok {
			s.nextFile = max(s.nextFile, n)
			if err := s.openSegment(name); err != nil {
				return err
			}
		} else if n, ok := segmentNumber(segmentPrefix + strings.TrimPrefix(name, damagedPrefix)); ok {
			s.nextFile = max(s.nextFile, n)
		}
	}
	if err := s.openLedger(slices.Contains(names, controlName)); err != nil {
		return err
	}
	if err := s.dropForeign(); err != nil {
		return err
	}
	s.checkOpenings()
	if err := s.openTags(names); err != nil {
		return err
	}
	if err := s.dropReplaced(); err != nil {
		return err
	}
	s.orderSegments()
	if err := s.readEnds(); err != nil {
		return err
	}
	if err := s.readTags(); err != nil {
		return err
	}
	s.readOldest()
	return s.beginControl()
}

func (s *Store) openSegment(name string) error {
	f, err := s.fs.Open(name)
	if err != nil {
		return err
	}
	seg := &segment{file: f, name: name}
	if seg.size, err = f.Size(); err != nil {
		return errors.Join(err, f.Close())
	}
	seg.title, err = readTitle(f)
	newer := (*VersionError)(nil)
	switch {
	case err == nil && seg.size >= titleSpace:
		seg.titled = true
		s.segments = append(s.segments, seg)
	case errors.As(err, &newer):
		return errors.Join(err, f.Close())
	case errors.Is(err, errSpare) && seg.size == s.options.SegmentBytes:
		s.spares = append(s.spares, seg)
	case errors.Is(err, errSpare): // of another size
		return errors.Join(f.Close(), s.fs.Remove(name))
	default:
		s.reportLocked(Damage{File: name, Offset: -1})
		return s.setAside(seg)
	}
	return nil
}

// dropReplaced makes spare segments of those that a merged one stands for.
func (s *Store) dropReplaced() error {
	replaced, err := s.replaced()
	if err != nil {
		return err
	}
	kept := s.segments[:0]
	seen := map[uint64]bool{}
	for _, seg := range s.segments {
		s.ledger.openings = max(s.ledger.openings, seg.title.seq>>openingShift)
		if seen[seg.title.seq] { // a copy
			s.reportLocked(Damage{File: seg.name, Offset: -1})
			if err := s.setAside(seg); err != nil {
				return err
			}
			continue
		}
		seen[seg.title.seq] = true
		if !replaced[seg.title.seq] {
			kept = append(kept, seg)
			continue
		}
		if err := s.clear(seg); err != nil {
			return err
		}
		if seg.size == s.options.SegmentBytes {
			s.spareLocked(seg)
		}
	}
	s.segments = kept
	return nil
}

// replaced returns the sequence numbers of the segments that merged ones stand for. A
// process that was killed may not have synced the title that says so: it is durable from
// here on.
func (s *Store) replaced() (map[uint64]bool, error) {
	replaced := map[uint64]bool{}
	for _, seg := range s.segments {
		if len(seg.title.replaces) == 0 {
			continue
		}
		for _, seq := range seg.title.replaces {
			replaced[seq] = true
		}
		if err := seg.file.Sync(); err != nil {
			return nil, fmt.Errorf("%s: %w", seg.name, err)
		}
	}
	return replaced, nil
}

// openingShift is where the count of openings begins in a segment's sequence
// number. So no number is given twice, even if its segment has been cleared.
const openingShift = 32

func (s *Store) orderSegments() {
	slices.SortFunc(s.segments, func(a, b *segment) int {
		return cmp.Or(cmp.Compare(a.title.first, b.title.first), cmp.Compare(a.title.seq, b.title.seq))
	})
	s.ledger.openings++
	s.nextSeq = s.ledger.openings << openingShift
	s.nextNum = max(s.ledger.next, 1) // so that 0 is no number
}

// readEnds finds out how each segment ends: later titles or the ledger say so,
// and of the last one its frames.
func (s *Store) readEnds() error {
	ends := s.ledger.ends
	for _, seg := range s.segments { // later ones know better
		for _, e := range seg.title.ends {
			ends[e.seq] = e
		}
	}
	var last *segment
	for _, seg := range s.segments {
		seg.sealed = true
		if seg.title.kind == logSegment && (last == nil || seg.title.seq > last.title.seq) {
			last = seg
		}
		switch e, known := ends[seg.title.seq]; {
		case seg.title.kind == mergeSegment:
			seg.frames, seg.held, seg.end, seg.next = seg.title.frames, seg.title.held, seg.title.end, seg.title.next
			if s.doubtful { // what was done when it was merged
				if err := s.markGone(seg); err != nil {
					return err
				}
			}
		case known:
			seg.frames, seg.next, seg.end, seg.guessed = e.frames, max(e.next, seg.title.first), seg.size, true
		default:
			if err := s.readEnd(seg); err != nil {
				return err
			}
			if err := seg.file.Sync(); err != nil { // a process that was killed may not have done so
				return fmt.Errorf("%s: %w", seg.name, err)
			}
		}
		s.nextNum = max(s.nextNum, seg.next)
	}
	if last != nil {
		s.ends = []segmentEnd{{last.title.seq, last.frames, last.next}}
	}
	s.findMissing()
	s.findMissingLast(last, ends)
	for _, seg := range s.segments {
		span := seg.span()
		seg.pending = span.Len() - s.ledger.done.count(span)
	}
	return nil
}

// readEnd reads a segment of the log up to its last frame that counts: every
// intact one up to the last that a later frame calls synced, and behind that
// all before the first gap.
func (s *Store) readEnd(seg *segment) error {
	seg.end, seg.next = titleSpace, seg.title.first
	sc := newScanner(seg, mark{seg.title.first, titleSpace, 0}, seg.size)
	for {
		h, payload, at, err := sc.next()
		if err == nil {
			s.addFrame(seg, &h, payload, at)
			continue
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if !errors.Is(err, errGap) {
			return fmt.Errorf("%s: %w", seg.name, err)
		}
		synced, err := s.lastSynced(seg, sc)
		if err != nil {
			return fmt.Errorf("%s: %w", seg.name, err)
		}
		if synced <= seg.frames {
			return nil
		}
		gap := sc.at
		if h, err = sc.resync(); err != nil { // there was a frame behind the gap a moment ago
			return fmt.Errorf("%s: %w", seg.name, err)
		}
		seg.damaged = true
		s.reportLocked(Damage{File: seg.name, Offset: gap, Messages: Range{seg.next, h.first}.Len()})
		s.ledger.done.add(Range{seg.next, h.first})
	}
}

func (s *Store) addFrame(seg *segment, h *header, payload []byte, at int64) {
	seg.note(h, at)
	seg.frames, seg.end, seg.next = h.index+1, at+int64(frameSize(h.length)), h.next()
	e, err := decodeEntry(payload, h.messages)
	if err == nil {
		for _, r := range e.Parts { // the control file may not say so yet
			s.ledger.done.add(r)
			s.ledger.release([]Range{r})
		}
	}
}

// lastSynced returns how many frames of the segment were synced at least, as
// the frames behind a gap say.
func lastSynced(seg *segment, at *scanner) (int, error) {
	sc := newScanner(seg, mark{0, at.at, at.index}, seg.size)
	synced := 0
	for {
		h, err := sc.resync()
		if errors.Is(err, io.EOF) {
			return synced, nil
		}
		if err != nil {
			return 0, err
		}
		synced = max(synced, h.synced)
		for { // the frames that follow
			next, _, _, err := sc.next()
			if err != nil {
				break
			}
			synced = max(synced, next.synced)
		}
	}
}

// readOldest finds out when the first pending message was accepted. Nothing else
// runs yet.
func (s *Store) readOldest() {
	s.mu.Lock()
	n, ok := s.lowestLocked()
	s.mu.Unlock()
	if !ok {
		return
	}
	if r, err := s.ReadRecord(n); err == nil { // otherwise the drain finds out what is wrong
		s.noteAccepted(r)
	}
}
