package durable

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/spool"
)

func tagFor(n int) spool.Tag {
	return spool.Tag{
		ID: fmt.Sprint("id ", n), Digest: sha256.Sum256([]byte{byte(n)}),
		Source: spool.Source{File: "events.json", Offset: int64(n)},
	}
}

// A later process knows the tags of what was stored, by each of the ways to store,
// and none of what was not.
func TestTags_inALaterProcess(t *testing.T) {
	k, dir := forwardertest.NewKafka(t), t.TempDir()
	s := openSpool(t, dir, small())
	f := start(t, k, s)
	require.NoError(t, f.Store(t.Context(), makeBatch(t, 0), tagFor(0)))
	require.Nil(t, f.StoreAll(t.Context(), []*batch.Batch{makeBatch(t, 1), makeBatch(t, 2), makeBatch(t, 3)}, tagFor(1), tagFor(2)))
	stored := make(chan error, 1)
	f.StoreAsync(t.Context(), makeBatch(t, 4), func(err error) { stored <- err }, tagFor(4))
	require.NoError(t, <-stored)
	require.Error(t, f.Store(t.Context(), nil, tagFor(5)))
	drainAll(t, f) // what is delivered is known as well
	require.NoError(t, f.Close())
	require.ErrorIs(t, f.Store(t.Context(), makeBatch(t, 6), tagFor(6)), forwarder.ErrClosed)
	require.NoError(t, s.Close())

	s = openSpool(t, dir, small())
	for n, want := range []bool{true, true, true, false, true, false, false} {
		same, other := s.Known(tagFor(n).ID, tagFor(n).Digest)
		assert.Equal(t, want, same, n)
		assert.False(t, other, n)
	}
	same, other := s.Known(tagFor(0).ID, tagFor(1).Digest)
	assert.False(t, same)
	assert.True(t, other)
	offset, ok := s.Position("events.json")
	assert.True(t, ok)
	assert.Equal(t, int64(4), offset)
	_, ok = s.Position("others.json")
	assert.False(t, ok)
}

// A position in one file more than are remembered is refused, and nothing of its
// batch is stored.
func TestTags_tooManyFiles(t *testing.T) {
	k := forwardertest.NewKafka(t)
	o := small()
	o.Remembered = 2
	f := start(t, k, openSpool(t, t.TempDir(), o))
	for n := range 2 {
		require.NoError(t, f.Store(t.Context(), makeBatch(t, n), spool.Tag{Source: spool.Source{File: fmt.Sprint(n)}}))
	}
	err := f.Store(t.Context(), makeBatch(t, 2), spool.Tag{Source: spool.Source{File: "more"}})
	require.ErrorIs(t, err, spool.ErrTooManyFiles)
	assert.True(t, forwarder.NothingSent(err))
	require.NoError(t, f.Store(t.Context(), makeBatch(t, 2), spool.Tag{Source: spool.Source{File: "1", Offset: 5}}))
	drainAll(t, f)
	requireOnce(t, k, 3)
}
