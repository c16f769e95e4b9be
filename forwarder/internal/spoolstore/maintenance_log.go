package spoolstore

import (
	"errors"
	"log/slog"
	"maps"
	"syscall"
	"time"
)

// logAgainAfter is when a failure that lasts is logged again.
const logAgainAfter = 30 * time.Second

// A maintenanceLog writes one line for each cause and half minute: a maintainer tries
// again once a second, each time with another file. The zero value is ready. One
// goroutine uses it.
type maintenanceLog struct{ last map[string]time.Time } // by cause

// failed logs that segments could not be prepared, emptied or merged, what follows from
// that, and what to do.
func (l *maintenanceLog) failed(log *slog.Logger, err error, now time.Time) {
	cause := maintenanceCause(err)
	maps.DeleteFunc(l.last, func(_ string, at time.Time) bool { return now.Sub(at) >= logAgainAfter })
	if _, logged := l.last[cause]; logged {
		return
	}
	if l.last == nil {
		l.last = map[string]time.Time{}
	}
	l.last[cause] = now
	text, advice := "spool: files cannot be prepared, emptied or merged", adviceDisk
	if isFull(err) {
		text, advice = "spool: no room on the disk for another file", adviceFull
	}
	log.Warn(text+": batches are taken as long as those that are there have room, and are sent as before",
		slog.String("error", err.Error()), slog.String("next", "trying again"), slog.String("advice", advice))
}

// maintenanceCause is the same for errors that differ in a file's name.
func maintenanceCause(err error) string {
	if isFull(err) {
		return "full" // of the file system, or of a quota
	}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return number.Error()
	}
	return err.Error()
}
