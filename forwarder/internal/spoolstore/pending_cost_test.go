package spoolstore

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disk"
	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// BenchmarkPending stores what comes in an hour without Kafka, 2,000 small batches a
// second, and as many bytes of larger ones, and says what memory that takes, then and after a start, how long the start
// takes, and how fast what is pending is read. On Linux the files are read cold:
//
//	go test -run '^$' -bench Pending -benchtime 1x ./forwarder/internal/spoolstore
//
// EVENTFERRY_PENDING_BYTES=10737418240 makes it as many bytes of each instead, on the
// disk of the folder for temporary files, which TMPDIR names.
func BenchmarkPending(b *testing.B) {
	for _, c := range []struct{ messages, bytes int }{{2000 * 3600, 100}, {150_000, recordBytes}} {
		if total, err := strconv.Atoi(os.Getenv("EVENTFERRY_PENDING_BYTES")); err == nil {
			c.messages = total / frameOf(c.bytes)
		}
		b.Run(fmt.Sprintf("%d messages of %d bytes", c.messages, c.bytes), func(b *testing.B) {
			for b.Loop() {
				leavePending(b, c.messages, c.bytes)
			}
			b.ReportMetric(0, "ns/op") // of no meaning here
		})
	}
}

func leavePending(b *testing.B, messages, size int) {
	b.Helper()
	dir := b.TempDir()
	empty := heap()
	s := openLarge(b, dir)
	var last Ticket
	e := pendingEntry(size)
	for range messages {
		var err error
		if last, err = s.Add(b.Context(), e); err != nil {
			b.Fatal(err)
		}
	}
	require.NoError(b, last.Wait(b.Context()))
	require.Equal(b, messages, s.Stats().Messages)
	b.ReportMetric(float64(heap()-empty)/(1<<20), "MiB-pending")
	require.NoError(b, s.Close(context.Background()))

	dropCaches(b, dir)
	began := time.Now()
	s = openLarge(b, dir)
	started := time.Since(began)
	c := s.Cursor(0)
	_, _, err := c.TryNext()
	require.NoError(b, err)
	first := time.Since(began)
	read, bytes := 1, int64(0)
	for began = time.Now(); read < messages; read++ {
		r, _, err := c.TryNext()
		if err != nil { // require would take a fifth of the time
			b.Fatal(err)
		}
		bytes += int64(r.Bytes)
	}
	b.ReportMetric(float64(bytes)/1e6/time.Since(began).Seconds(), "MB/s-read")
	b.ReportMetric(float64(heap()-empty)/(1<<20), "MiB-after-start")
	b.Logf("%d messages, %d MB: a start takes %v, until the first is read %v", messages, bytes/1e6, started, first)
	require.NoError(b, s.Close(context.Background()))
}

func pendingEntry(size int) *Entry {
	return &Entry{
		Topic: "events", Key: []byte("7346244611012968789"), Accepted: time.UnixMilli(1), Messages: []Message{{Value: make([]byte, size)}},
	}
}

// frameOf is how many bytes such an entry takes on the disk.
func frameOf(size int) int { return frameSize(len(appendEntry(nil, pendingEntry(size)))) }

func openLarge(b *testing.B, dir string) *Store {
	b.Helper()
	fs, err := disk.OpenDir(dir)
	require.NoError(b, err)
	s, err := Open(fs, Options{
		MaxBytes: 16 << 30, SegmentBytes: 64 << 20, GroupBytes: 4 << 20, ControlBytes: 8 << 20, Remembered: 1000,
		Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(b, err)
	return s
}

// heap returns how many bytes are in use.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what pools had is gone after the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) //nolint:gosec // fits
}

func dropCaches(b *testing.B, dir string) {
	b.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(b, err)
	for _, name := range names {
		f, err := os.Open(name)
		require.NoError(b, err)
		dropCache(f)
		require.NoError(b, f.Close())
	}
}

// What is pending has a place in memory for each indexEvery bytes, and not for each
// message.
func TestStore_indexIsSparse(t *testing.T) {
	d := disktest.New(1)
	o := small()
	o.MaxBytes, o.SegmentBytes, o.GroupBytes = 64<<20, 4<<20, 256<<10
	s := open(t, d, o)
	const messages = 50_000
	var last Ticket
	for range messages {
		var err error
		last, err = s.Add(t.Context(), entry("a small value"))
		require.NoError(t, err)
	}
	require.NoError(t, last.Wait(t.Context()))
	places := func() (n int, bytes int64) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, seg := range s.segments {
			n, bytes = n+len(seg.index)-1, bytes+seg.end
		}
		return n, bytes
	}
	n, bytes := places()
	assert.LessOrEqual(t, n, int(bytes/indexEvery))

	s = open(t, crash(t, d, s), o)
	assert.Len(t, pending(t, s), messages)
	n, bytes = places()
	assert.Positive(t, bytes)
	assert.LessOrEqual(t, n, int(bytes/indexEvery))
}
