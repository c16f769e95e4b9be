package spoolstore

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

func open(t *testing.T, d *disktest.Disk, o Options) *Store {
	t.Helper()
	s, err := Open(d, o)
	require.NoError(t, err)
	t.Cleanup(func() { stop(t, s) })
	return s
}

// stop closes s, which may have been closed before.
func stop(t *testing.T, s *Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	assert.NoError(t, s.Close(ctx))
}

// crash ends the process that has s, and returns the disk for the next one.
func crash(t *testing.T, d *disktest.Disk, s *Store) *disktest.Disk {
	t.Helper()
	after := d.Stop()
	_ = s.Close(ended()) // its disk answers nothing any more
	return after
}

func entry(values ...string) *Entry {
	e := &Entry{Key: []byte("42"), Accepted: time.UnixMilli(1700000000000)}
	for _, v := range values {
		e.Messages = append(e.Messages, Message{Value: []byte(v)})
	}
	return e
}

// store adds entries, each of one message, and waits for them.
func store(t *testing.T, s *Store, values ...string) (first uint64) {
	t.Helper()
	for i, v := range values {
		ticket, err := s.Add(t.Context(), entry(v))
		require.NoError(t, err)
		require.NoError(t, ticket.Wait(t.Context()))
		if i == 0 {
			first = ticket.First
		}
	}
	return first
}

// pending reads all there is.
func pending(t *testing.T, s *Store) (values []string) {
	t.Helper()
	c := s.Cursor(0)
	for {
		r, _, err := c.TryNext()
		require.NoError(t, err)
		if r == nil {
			return values
		}
		for i, m := range r.Entry.Messages {
			if !s.IsDone(r.First + uint64(i)) {
				values = append(values, string(m.Value))
			}
		}
	}
}

func numbered(from, to int) (values []string) {
	for i := from; i < to; i++ {
		values = append(values, fmt.Sprintf("value %d", i))
	}
	return values
}

// eventually waits for what the maintainer does by itself.
func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, time.Minute, time.Millisecond)
}

// ended is a context for a Close that is to wait for nothing.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
