// Package spoolstore keeps entries on a local disk until they are done, and
// what is needed to write each to Kafka once: a data log of segments that are
// recycled, and a control file that says what became of the messages. A file of
// tags keeps the callers' ids, and where entries were read from, beyond that.
//
// Three goroutines do all writing, so that none waits for another's sync: the
// writer appends groups of entries to the data log, the keeper appends records
// to the control file, and the maintainer recycles, merges and prepares segments. A
// caller that waits for its record writes to the control file in the keeper's place.
// One mutex guards what they share; nothing is read, written or synced while it is held.
package spoolstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/disk"
)

// Options are limits of a [Store]. All are positive.
type Options struct {
	MaxBytes     int64 // of segments; one more is kept for merging
	SegmentBytes int64
	GroupBytes   int64 // of entries that are written and synced together
	ControlBytes int64 // of a half of the control file
	Remembered   int   // ids, and files with positions
	ZeroDrained  bool  // whether segments are overwritten with zeros once they are done
	Logger       *slog.Logger
}

// A Store is a durable queue. Its methods may be called from any number of
// goroutines.
type Store struct {
	fs      disk.FS
	options Options
	log     *slog.Logger

	lastSynced func(*segment, *scanner) (int, error) // the function of this name; another one in tests

	turn chan struct{} // holds the turn to add, so that those who wait for room go in order

	mu      sync.Mutex
	changed chan struct{} // closed at the next change that a caller may wait for; nil: there is no waiter
	closing bool

	emptyWaiters int // how many wait until no message is left

	segments []*segment // in the order of their numbers
	tail     *segment   // the last one of the log, that groups go to; nil until the first
	planned  int64      // where in it the next group goes
	ends     []segmentEnd
	lost     []*segment // whose title may be durable, though it should not
	noRoom   error      // why no segment can be prepared: the disk is full
	broken   error      // why nothing is accepted: the log could not be continued elsewhere
	spares   []*segment
	filling  *commitGroup
	writing  *commitGroup
	memories groupMemories
	nextSeq  uint64
	nextFile uint64
	nextNum  uint64 // of the next message

	committed uint64 // number behind the last message that is synced
	accepted  acceptances
	recents   recents
	wanted    need // of the last entry that found no room; zero: it would find some now
	waiting   waiting

	ledger   *ledger
	tags     *tagTable
	tagFile  *control // the maintainer's
	control  *control // the keeper's
	records  []byte   // not in the control file yet
	appended uint64   // how many records there were
	synced   uint64   // how many of them are durable
	taken    uint64   // how many of them are durable or being written
	awaited  uint64   // how many of them a caller waits for

	standsFor uint64 // the last record of what an entry stands for
	flushing  []byte // memory for records, while the keeper has the other
	failing   bool   // the last write to it has failed: the keeper tries again, after a while

	flushTurn chan struct{} // holds the turn while the control file is written to
	dead      bool          // the keeper has ended

	damage   []Damage
	doubtful bool
	syncs    syncTimes

	wakeWriter, wakeKeeper, wakeMaintainer chan struct{}
	wakeKeeperNow                          chan struct{}
	stopWriter, stopKeeper                 chan struct{}
	running                                sync.WaitGroup
	stop                                   chan struct{}
}

// Damage is a place whose bytes are not what was written.
type Damage struct {
	File     string
	Offset   int64 // -1: the file as a whole
	Messages int   // that may be lost; 0: not known, or none
}

// Error implements error.
func (d Damage) Error() string {
	if d.Offset < 0 {
		return d.File + " is damaged"
	}
	return fmt.Sprintf("%s is damaged at offset %d: up to %d messages are lost", d.File, d.Offset, d.Messages)
}

// ErrClosed is the error of calls that come after Close, or were waiting when
// it came.
var ErrClosed = errors.New("the store is closed")

// ErrStopped is the error of an Add whose wait for room was ended.
var ErrStopped = errors.New("the wait for room was ended")

// A NotStoredError says that an entry is not on the disk, and will not be found
// there by a later start.
type NotStoredError struct{ Err error }

// Error implements error.
func (e *NotStoredError) Error() string { return "not stored: " + e.Err.Error() }

// Unwrap returns the disk's error.
func (e *NotStoredError) Unwrap() error { return e.Err }

// An UnknownError says that an entry may or may not be found by a later start.
type UnknownError struct{ Err error }

// Error implements error.
func (e *UnknownError) Error() string {
	return "it is not known whether it is stored: " + e.Err.Error()
}

// Unwrap returns the disk's error.
func (e *UnknownError) Unwrap() error { return e.Err }

// notifyLocked wakes everybody who waits for a change.
func (s *Store) notifyLocked() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// changedLocked returns a channel that is closed at the next change.
func (s *Store) changedLocked() chan struct{} {
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

// wake makes a goroutine look for work.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// newSequenceLocked returns the next sequence number of a segment.
func (s *Store) newSequenceLocked() uint64 {
	s.nextSeq++
	return s.nextSeq
}

// capacity is how many bytes of frames a segment takes.
func (s *Store) capacity() int64 { return s.options.SegmentBytes - titleSpace }

// maxSegments is how many segments entries may take.
func (s *Store) maxSegments() int { return int(s.options.MaxBytes / s.options.SegmentBytes) }

func (s *Store) occupancyLocked() occupancy {
	return occupancy{len(s.segments), len(s.spares), s.maxSegments(), s.capacity()}
}

// Segments is how many segments entries may take.
func (s *Store) Segments() int { return s.maxSegments() }

// EntryBytes is how many bytes an entry may take on the disk.
func (s *Store) EntryBytes() int64 { return s.capacity() }

// HasWindows reports whether any entry in the store may belong to a window.
func (s *Store) HasWindows() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.segments, func(seg *segment) bool { return seg.title.version > plainVersion })
}

// Format is the version of the format that a program must know to open the folder as it
// is now.
func (s *Store) Format() int {
	if s.HasWindows() {
		return version
	}
	return plainVersion
}

// WaitingLimit returns how many bytes of frames may wait in windows. An entry that
// would be one too many finds no room.
func (s *Store) WaitingLimit() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.occupancyLocked().limit()
}

// AddWaiting counts bytes of frames that a former process has left in windows, or
// takes them off the count.
func (s *Store) AddWaiting(bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting.bytes += bytes
	s.notifyLocked()
}

// Damage returns what was found damaged since the start.
func (s *Store) Damage() []Damage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Damage(nil), s.damage...)
}

// reportLocked reports a place once: opening and reading may both come to it.
func (s *Store) reportLocked(d Damage) {
	if slices.ContainsFunc(s.damage, func(o Damage) bool { return o.File == d.File && o.Offset == d.Offset && d.Offset >= 0 }) {
		return
	}
	s.damage = append(s.damage, d)
	s.log.Error("spool: damaged", slog.String("file", d.File), slog.Int64("offset", d.Offset),
		slog.Int("messages_lost", d.Messages))
}

// Stats is what a store holds at one moment.
type Stats struct {
	Bytes    int64 // of segments that hold entries
	MaxBytes int64
	Messages int // that are neither done nor refused
	Refused  int
	Syncs    int           // of the data log
	SyncTime time.Duration // of all of them together
	Written  int64         // bytes that they made durable
	Damaged  int
	Oldest   time.Time // when the first of Messages was accepted, to a second; zero: there is none, or it is not known
}

// Stats returns what the store holds.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Stats{
		Bytes:    int64(len(s.segments)) * s.options.SegmentBytes,
		MaxBytes: s.options.MaxBytes,
		Refused:  len(s.ledger.refused),
		Syncs:    s.syncs.count,
		SyncTime: s.syncs.total,
		Written:  s.syncs.bytes,
		Damaged:  len(s.damage),
	}
	st.Messages = s.messagesLocked()
	st.Oldest = s.oldestLocked()
	return st
}

// messagesLocked counts the messages that are neither done nor refused.
func (s *Store) messagesLocked() int {
	n := -len(s.ledger.refused)
	for _, g := range s.segments {
		n += g.pending
	}
	return n
}

// lowestLocked returns the lowest number of a message that is neither done nor
// refused. It looks at each number once.
func (s *Store) lowestLocked() (number uint64, ok bool) {
	for _, seg := range s.segments {
		span := seg.span()
		if seg.pending == 0 {
			continue
		}
		for at := max(span.First, s.accepted.lowest); at < span.Next; {
			gap := s.ledger.done.missing(Range{at, span.Next})
			for n := gap.First; n < gap.Next; n++ {
				if _, refused := s.ledger.refused[n]; !refused {
					s.accepted.lowest = n
					return n, true
				}
			}
			at = gap.Next
		}
		s.accepted.lowest = max(s.accepted.lowest, span.Next)
	}
	return 0, false
}

// oldestLocked returns when the first pending message was accepted; zero: there is
// none, or it is not known.
func (s *Store) oldestLocked() time.Time {
	n, ok := s.lowestLocked()
	if !ok {
		return time.Time{}
	}
	s.accepted.forget()
	return s.accepted.of(n)
}

// noticeEmptyLocked wakes those who wait until no message is left.
func (s *Store) noticeEmptyLocked() {
	if s.emptyWaiters > 0 && s.messagesLocked() == 0 {
		s.notifyLocked()
	}
}

// WaitEmpty returns nil when every stored message is done or refused, the error
// of ctx if that ends first, and ErrClosed after Close.
func (s *Store) WaitEmpty(ctx context.Context) error {
	s.mu.Lock()
	s.emptyWaiters++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.emptyWaiters--
	}()
	for {
		s.mu.Lock()
		n, changed, closing := s.messagesLocked(), s.changedLocked(), s.closing
		if s.filling != nil || s.writing != nil {
			n++
		}
		s.mu.Unlock()
		if n == 0 {
			return nil
		}
		if closing {
			return ErrClosed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

type syncTimes struct {
	count int
	total time.Duration
	bytes int64
}
