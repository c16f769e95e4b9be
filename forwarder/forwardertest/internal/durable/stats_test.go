package durable

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// The statistics say what lies in the spool, and how long the oldest has, also in
// the next process; a forwarder whose spool takes batches is ready without Kafka.
func TestStats_spool(t *testing.T) {
	k := forwardertest.NewKafka(t)
	down := k.Unreachable()
	dir := t.TempDir()
	began := time.Now().Truncate(time.Millisecond) // as times are stored
	s, err := spool.Open(t.Context(), dir, small())
	require.NoError(t, err)
	f := start(t, k, s)
	assert.Equal(t, small().MaxBytes, f.Stats().Spool.Limit)
	assert.Zero(t, f.Stats().Spool.Messages)
	assert.Zero(t, f.Stats().Spool.Oldest)
	storeSome(t, f, 0, 3)
	require.NoError(t, f.Ready())
	first := f.Stats()
	assert.Equal(t, 3, first.Undecided)
	assert.Equal(t, 3, first.Spool.Messages)
	assert.Equal(t, small().SegmentBytes, first.Spool.Bytes)
	assert.Positive(t, first.Spool.Syncs)
	assert.Positive(t, first.Spool.SyncTime)
	assert.Positive(t, first.Spool.Written)
	require.NoError(t, f.Close())
	require.ErrorIs(t, f.Ready(), forwarder.ErrClosed)
	assert.Equal(t, 3, f.Stats().Spool.Messages, "also after the end")
	require.NoError(t, s.Close())

	f = start(t, k, openSpool(t, dir, small()))
	again := f.Stats().Spool
	assert.Equal(t, 3, again.Messages)
	assert.Greater(t, again.Oldest, first.Spool.Oldest)
	assert.LessOrEqual(t, again.Oldest, time.Since(began))
	down.Stop()
	drainAll(t, f)
	assert.Zero(t, f.Stats().Spool.Oldest)
	assert.Zero(t, f.Stats().Spool.Messages)
	requireOnce(t, k, 3)
}

// A forwarder is not ready once its spool is closed.
func TestReady_spoolClosed(t *testing.T) {
	s := openSpool(t, t.TempDir(), small())
	f := start(t, forwardertest.NewKafka(t), s)
	require.NoError(t, f.Ready())
	require.NoError(t, s.Close())
	require.ErrorIs(t, f.Ready(), spool.ErrClosed)
}
