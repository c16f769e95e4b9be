package spoolstore

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disk"
)

// To store an entry allocates the group and the channel that tells of its end, which the
// entries share that are synced together. The record of one that is sent from memory lies in
// the group. Others of its group have a record each, and no part in the two.
func TestAdd_allocations(t *testing.T) {
	for _, c := range []struct {
		name   string
		recent int64
		want   int
	}{
		{"read from the disk, or not at all", 0, 2},
		{"sent from memory", 1 << 20, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			fs, err := disk.OpenDir(t.TempDir())
			require.NoError(t, err)
			s, err := Open(fs, Options{
				MaxBytes: 8 << 20, SegmentBytes: 1 << 20, GroupBytes: 256 << 10, ControlBytes: 256 << 10, Remembered: 100,
				Logger: slog.New(slog.DiscardHandler),
			})
			require.NoError(t, err)
			defer func() { require.NoError(t, s.Close(context.Background())) }()
			s.KeepRecent(c.recent, nil)
			cursor := s.Cursor(0)
			cursor.Recent = true
			e := give(&Entry{Key: []byte("42"), Accepted: time.UnixMilli(1), Messages: []Message{{Value: []byte("a")}}})
			stored, fromMemory := 0, 0
			run := func() {
				ticket, err := s.Add(context.Background(), e)
				if err != nil || ticket.Wait(context.Background()) != nil {
					return
				}
				stored++
				if !ticket.KeptMemory {
					return
				}
				if r, _, err := cursor.TryNext(); err == nil && r != nil && r.Entry.Memory == e.Memory {
					fromMemory++
				}
			}
			_, _, err = cursor.TryNext() // it has caught up now, with nothing
			require.NoError(t, err)
			run() // it begins on the disk
			stored, fromMemory = 0, 0
			assert.Equal(t, c.want, int(testing.AllocsPerRun(200, run)))
			assert.Equal(t, 201, stored)
			if c.recent > 0 {
				assert.Equal(t, 201, fromMemory)
			}
		})
	}
}
