package spoolstore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// Failures of one cause are logged once in half a minute, whichever file they name.
func TestMaintenanceLog(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	var l maintenanceLog
	now := time.Now()
	file := 0
	fail := func(cause error) (line string) {
		file++
		out.Reset()
		l.failed(log, &fs.PathError{Op: "write", Path: fmt.Sprintf("segment-%08d", file), Err: cause}, now)
		return out.String()
	}
	assert.Contains(t, fail(syscall.ENOSPC), "no room on the disk for another file")
	assert.Empty(t, fail(syscall.ENOSPC))
	assert.Empty(t, fail(syscall.EDQUOT), "a quota is no other cause")
	assert.Contains(t, fail(syscall.EIO), "advice=\"check the disk\"")
	assert.Empty(t, fail(syscall.EIO))
	now = now.Add(logAgainAfter - time.Nanosecond)
	assert.Empty(t, fail(syscall.ENOSPC))
	now = now.Add(time.Nanosecond)
	again := fail(syscall.ENOSPC)
	assert.Contains(t, again, adviceFull)
	assert.Contains(t, again, fmt.Sprintf("segment-%08d", file))
	assert.Len(t, l.last, 1, "what has become old is forgotten")
}

// A disk that is full is tried again and again, and is one line of the log.
func TestStore_fullDiskIsLoggedOnce(t *testing.T) {
	d := disktest.New(1)
	var full atomic.Bool
	var tried atomic.Int32
	d.Before = func(op disktest.Op) error {
		if !full.Load() || op.Kind != disktest.Create {
			return nil
		}
		tried.Add(1)
		return &fs.PathError{Op: "write", Path: op.Name, Err: syscall.ENOSPC}
	}
	var out lockedBuffer
	o := small()
	o.Logger = slog.New(slog.NewTextHandler(&out, nil))
	s := open(t, d, o)
	eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.spares) == 2
	})
	began := time.Now()
	full.Store(true)
	for tried.Load() == 0 { // a segment more is wanted once one is begun
		store(t, s, strings.Repeat("x", 1000))
	}
	eventually(t, func() bool { return tried.Load() >= 8 })
	most := 1 + int(time.Since(began)/logAgainAfter)
	lines := strings.Count(out.String(), "no room on the disk for another file")
	assert.Positive(t, lines)
	assert.LessOrEqual(t, lines, most)
}

// What to do about a spool that takes nothing depends on why.
func TestFullError(t *testing.T) {
	for _, c := range []struct {
		cause        error
		text, advice string
	}{
		{nil, "the 1000 bytes of the spool are in use", "raise spool.max_bytes if that is usual"},
		{&fs.PathError{Op: "write", Path: "segment", Err: syscall.ENOSPC}, "no room on the disk (write segment: no space left on device)", adviceFull},
		{errors.New("input/output error"), "nothing is taken (input/output error)", "check the disk"},
	} {
		e := &FullError{MaxBytes: 1000, Cause: c.cause}
		require.EqualError(t, e, c.text)
		assert.Equal(t, c.advice, e.Advice())
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
