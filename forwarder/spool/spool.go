package spool

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/ctxwait"
	"github.com/eventferry/eventferry/forwarder/internal/disk"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// Options are the limits of a [Spool]. The zero value is right for most.
type Options struct {
	// MaxBytes bounds what the folder takes on the disk, refused messages
	// included, save for one segment more, two files of 8 MiB and the one for
	// Remembered. When it is in use, Store waits. At least two segments, and four for
	// a forwarder with windows. Default: 10 GiB.
	MaxBytes int64

	// SegmentBytes is the size of the files that batches are written to. A batch
	// must fit into one. Default: 64 MiB, or a quarter of MaxBytes if that is
	// less.
	SegmentBytes int64

	// Remembered bounds two numbers: of ids that are known, each for an hour (see
	// [Spool.Known]), and of files with a position (see [Spool.Position]). The file
	// "tags" takes about 350 bytes for each, from the start. At most 10,000,000.
	// Default: 100,000, or one for each KiB of MaxBytes if that is less.
	Remembered int

	// ZeroDrained overwrites a segment with zeros once all in it is delivered,
	// which writes every byte twice. Without it the bytes stay until the segment
	// is used again.
	ZeroDrained bool

	// Logger gets what goes wrong with the disk. No payload is in it. Default:
	// slog.Default().
	Logger *slog.Logger

	// OnDoubt says what becomes of messages that may be in Kafka already where
	// that cannot be found out. Default: SendAgain.
	OnDoubt Doubt

	// ProducerIDExpiration is the brokers' producer.id.expiration.ms. A message that
	// may have been written is in doubt once half of this time has passed: brokers may
	// have forgotten the numbers by which they would recognise it. Default: a day,
	// which is Kafka's default.
	ProducerIDExpiration time.Duration
}

// A Doubt says what to do with messages of which it is not known, nor can be
// found out, whether they are in Kafka. SPOOL.md lists when that happens.
type Doubt int8

// What can be done.
const (
	SendAgain Doubt = iota // they may be in Kafka twice then
	Hold                   // they move to [Spool.Refused] with that reason
)

const (
	defaultMaxBytes     = 10 << 30
	defaultSegmentBytes = 64 << 20
	defaultRemembered   = 100_000
	mostRemembered      = 10_000_000
	leastSegmentBytes   = 64 << 10
	groupBytes          = 4 << 20 // of batches that are written and synced together
	controlBytes        = 8 << 20

	// closeTimeout bounds how long a disk that refuses everything keeps Close.
	closeTimeout = 10 * time.Second
)

func (o Options) withDefaults() Options {
	o.MaxBytes = cmp.Or(o.MaxBytes, defaultMaxBytes)
	o.SegmentBytes = cmp.Or(o.SegmentBytes, min(defaultSegmentBytes, o.MaxBytes/4))
	o.Remembered = cmp.Or(o.Remembered, int(min(defaultRemembered, o.MaxBytes>>10)))
	o.Logger = cmp.Or(o.Logger, slog.Default())
	return o
}

func (o Options) check() error {
	switch {
	case o.SegmentBytes < leastSegmentBytes:
		return fmt.Errorf("spool: Options.SegmentBytes is %d (a quarter of MaxBytes if it is unset): it must be at least %d",
			o.SegmentBytes, leastSegmentBytes)
	case o.MaxBytes < 2*o.SegmentBytes:
		return fmt.Errorf("spool: Options.MaxBytes is %d: it must be at least twice SegmentBytes, %d", o.MaxBytes, 2*o.SegmentBytes)
	case o.Remembered < 0 || o.Remembered > mostRemembered:
		return fmt.Errorf("spool: Options.Remembered is %d: it must be from 1 to %d", o.Remembered, mostRemembered)
	case o.OnDoubt != SendAgain && o.OnDoubt != Hold:
		return fmt.Errorf("spool: Options.OnDoubt is %d: it must be SendAgain or Hold", o.OnDoubt)
	case o.ProducerIDExpiration < 0:
		return fmt.Errorf("spool: Options.ProducerIDExpiration is %s: it must not be negative", o.ProducerIDExpiration)
	default:
		return nil
	}
}

// A Spool is a folder that is open. Its methods may be called from any number of
// goroutines. A forwarder gets it by forwarder.WithSpool, one at a time.
type Spool struct {
	dir     string
	options Options
	store   func() *spoolstore.Store // what prints by reflection does not look into a function

	putting sync.Mutex // held while refused messages are put again or discarded

	mu       sync.Mutex
	attached bool
	closed   bool
	ended    chan struct{} // closed when Close is done
	err      error         // of Close
}

// Open opens a folder, which it makes if there is none, and locks it until
// [Spool.Close]. It reads the control file and the segment that was written last;
// the others are read when their messages are sent. At first it writes files of
// about 180 MiB.
//
// The error is a [*LockedError], a [*VersionError], or the disk's. Damage is no
// error: [Spool.Damage] lists it. ctx ends the wait for the disk; the folder is
// closed then once the disk has answered.
func Open(ctx context.Context, dir string, o Options) (*Spool, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	store, err := ctxwait.Do(ctx, 0, func() (*spoolstore.Store, error) { return openStore(ctx, dir, o) },
		func(s *spoolstore.Store, err error) {
			if err == nil {
				_ = closeStore(s) // the caller has its error
			}
		})
	if err != nil {
		return nil, failedToOpen(dir, err)
	}
	return &Spool{dir: dir, options: o, store: func() *spoolstore.Store { return store }, ended: make(chan struct{})}, nil
}

func openStore(ctx context.Context, dir string, o Options) (*spoolstore.Store, error) {
	fs, err := disk.OpenDir(dir)
	if err != nil {
		return nil, err
	}
	return spoolstore.Open(disk.Wrapped(ctx, fs), spoolstore.Options{
		MaxBytes: o.MaxBytes, SegmentBytes: o.SegmentBytes, GroupBytes: min(groupBytes, o.SegmentBytes/2),
		ControlBytes: controlBytes, Remembered: o.Remembered, ZeroDrained: o.ZeroDrained, Logger: o.Logger,
	})
}

func closeStore(s *spoolstore.Store) error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return s.Close(ctx)
}

// Close writes the state of the messages, and gives the folder back. Close
// the forwarder before: what it is given afterwards fails. It takes 10 seconds at
// most, when the disk refuses everything. It may be called again.
func (s *Spool) Close() error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	if first {
		if err := closeStore(s.store()); err != nil {
			s.err = fmt.Errorf("spool: closing %s: %w", s.dir, err)
		}
		close(s.ended)
	}
	<-s.ended
	return s.err
}

// Stats is what a spool holds at one moment. Fields may be added.
type Stats struct {
	Messages int   // that are to be sent
	Refused  int   // that will not be sent unless they are put again
	Bytes    int64 // on the disk, of segments with messages: it sinks by whole segments
	MaxBytes int64 // of the options
	Segments int   // that MaxBytes has room for

	Syncs    int           // of stored batches since Open; several batches share one
	SyncTime time.Duration // of all of them together
	Written  int64         // bytes of stored batches since Open, as they lie on the disk; what is noted about sending them is not in it
	Damaged  int           // places that Damage lists
	Format   int           // version of the folder's format now: a program that knows only older ones refuses it by a VersionError

	// Oldest is when the first of Messages was accepted, to a second. Zero: there is
	// none, or it cannot be read.
	Oldest time.Time
}

// Stats returns what s holds now. It does not touch the disk.
func (s *Spool) Stats() Stats {
	st := s.store().Stats()
	return Stats{
		Messages: st.Messages, Refused: st.Refused, Bytes: st.Bytes, MaxBytes: st.MaxBytes, Segments: s.store().Segments(),
		Syncs: st.Syncs, SyncTime: st.SyncTime, Written: st.Written, Damaged: st.Damaged, Format: s.store().Format(), Oldest: st.Oldest,
	}
}

// Damage lists what was found damaged since Open. Each is logged as well.
func (s *Spool) Damage() []*DamagedError {
	var list []*DamagedError
	for _, d := range s.store().Damage() {
		list = append(list, &DamagedError{File: d.File, Offset: d.Offset, Messages: d.Messages})
	}
	return list
}

// Dir returns the folder as it was given to Open.
func (s *Spool) Dir() string { return s.dir }
