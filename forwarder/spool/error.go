package spool

import (
	"errors"
	"fmt"

	"github.com/eventferry/eventferry/forwarder/internal/disk"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// ErrFull is among the causes of a batch's error if the spool had no room for it
// until the context ended: [Options].MaxBytes are in use, or the disk has no
// room. The batch is not sent.
var ErrFull = errors.New("spool: full")

// ErrClosed is the error of calls after [Spool.Close].
var ErrClosed = errors.New("spool: closed")

// ErrTooManyFiles is among the causes of a batch's error if its [Source] names a new
// file when the spool has positions in [Options].Remembered others, none of which it
// forgets. The batch is not stored, and not sent.
var ErrTooManyFiles = errors.New("spool: positions in too many files: raise Options.Remembered")

// ErrReadAgain is among the causes of a batch's error if the disk has failed to store
// an earlier one of the same file: see [Source]. The batch is not stored, and not sent.
var ErrReadAgain = errors.New("spool: the disk failed for an earlier batch of this file: read it again from its Position")

// A LockedError says that another process has the folder.
type LockedError struct{ Dir string }

// Error names the folder.
func (e *LockedError) Error() string {
	return fmt.Sprintf("spool: %s is in use by another process: give each process a folder of its own", e.Dir)
}

// A VersionError says that a newer version of this package has written the
// folder. Nothing in it was changed.
type VersionError struct {
	Dir          string
	Found, Known int // versions of the format
}

// Error names the folder and both versions.
func (e *VersionError) Error() string {
	return fmt.Sprintf("spool: %s has format version %d, and this program knows %d: drain it with the newer program, and remove it, or keep to that program",
		e.Dir, e.Found, e.Known)
}

// A DamagedError is a place in the folder whose bytes are not those that were
// written. What is intact around it is kept and delivered. The file is never
// deleted: it gets a name that begins with "damaged-".
type DamagedError struct {
	File     string // its name when the damage was found
	Offset   int64  // in bytes; -1: the file as a whole
	Messages int    // that may be lost with it at most; 0: not known, or none
}

// Error names the file and the offset.
func (e *DamagedError) Error() string {
	if e.Offset < 0 {
		return fmt.Sprintf("spool: %s is damaged or missing: up to %d messages are lost", e.File, e.Messages)
	}
	return fmt.Sprintf("spool: %s is damaged at offset %d: up to %d messages are lost", e.File, e.Offset, e.Messages)
}

// A TopicError says that messages lie in the folder for a topic that the forwarder does
// not serve: it is neither the setting topic_name nor in a route.
type TopicError struct {
	Dir      string
	Topic    string // that they are for
	Messages int    // that wait or are refused
}

// Error names the folder and the topic.
func (e *TopicError) Error() string {
	return fmt.Sprintf("spool: %s holds %d messages for topic %q: deliver them with a forwarder of that topic, or a route to it, first, or use another folder",
		e.Dir, e.Messages, e.Topic)
}

// failedToOpen puts an error of the store into this package's words.
func failedToOpen(dir string, err error) error {
	if newer, ok := errors.AsType[*spoolstore.VersionError](err); ok {
		return &VersionError{Dir: dir, Found: newer.Found, Known: newer.Known}
	}
	if errors.Is(err, disk.ErrLocked) {
		return &LockedError{dir}
	}
	return fmt.Errorf("spool: opening %s: %w", dir, err)
}
