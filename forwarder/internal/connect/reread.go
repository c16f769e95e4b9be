package connect

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
)

// A reread is made of files of the settings, and made again when their content has
// changed: mounted secrets and issued certificates are replaced while a process
// runs. Contents are compared and not times, which say nothing about the target of
// a symbolic link. It may be used by any number of goroutines.
type reread[T any] struct {
	setting string // the key, or the keys
	paths   []string
	read    func() (T, error)
	same    func(a, b T) bool
	doubt   func(T) string // why the content may be refused; "": nothing is known. nil: it is not checked
	logger  *slog.Logger

	mu      sync.Mutex
	held    T      // what was last read without a mistake
	failure string // of the last reading, which is logged; "": there was none
}

// newReread fails if the files cannot be read now. paths name the files that read
// reads, and are absolute.
func newReread[T any](setting string, paths []string, logger *slog.Logger, read func() (T, error), same func(a, b T) bool) (*reread[T], error) {
	held, err := read()
	if err != nil {
		return nil, err
	}
	return &reread[T]{setting: setting, paths: paths, read: read, same: same, logger: logger, held: held}, nil
}

// current reads the files. While they have a mistake, as they do when they are
// half written, it returns what they held before.
func (r *reread[T]) current() T {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.areRegular() {
		return r.held
	}
	next, err := r.read()
	if err != nil {
		next, err = r.read() // they may have been replaced between two of them
	}
	switch {
	case err != nil:
		r.keep(err)
		return r.held
	case !r.same(r.held, next):
		r.tellNew(next)
	case r.failure != "":
		r.logger.InfoContext(context.Background(), "files can be read again, and have not changed",
			slog.String("setting", r.setting), slog.String("file", strings.Join(r.paths, ", ")))
	}
	r.held, r.failure = next, ""
	return next
}

// tellNew logs that the files have changed, and what is odd about their new content,
// which is used all the same.
func (r *reread[T]) tellNew(next T) {
	level, attrs := slog.LevelInfo, []slog.Attr{slog.String("setting", r.setting), slog.String("file", strings.Join(r.paths, ", "))}
	if r.doubt != nil {
		if why := r.doubt(next); why != "" {
			level, attrs = slog.LevelWarn, append(attrs, slog.String("cause", why))
		}
	}
	r.logger.LogAttrs(context.Background(), level, "files have changed: new connections use their new content", attrs...)
}

// keep logs why the content of before is used on, once for each reason.
func (r *reread[T]) keep(err error) {
	if text := err.Error(); text != r.failure {
		r.failure = text
		r.logger.WarnContext(context.Background(), "files have changed and cannot be used: new connections go on with their content of before",
			slog.String("setting", r.setting), slog.String("file", strings.Join(r.paths, ", ")),
			slog.String("cause", singleLine(err).Error()))
	}
}

// latest returns what current returned last.
func (r *reread[T]) latest() T {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held
}

// areRegular reports whether no file is a pipe or the like, which can be read only
// once, and whose reading can block for ever. One that is missing counts as regular.
func (r *reread[T]) areRegular() bool {
	for _, path := range r.paths {
		if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
			return false
		}
	}
	return true
}
