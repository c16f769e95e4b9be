package durable

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// What a broker refuses for its own sake moves to the refused part, holds up
// nothing, and can be put again.
func TestRefused_byTheBroker(t *testing.T) {
	const invalidRecord = 87
	k := forwardertest.NewKafka(t)
	settled := make(chan forwarder.ForwardInfo, 10)
	s := openSpool(t, t.TempDir(), small())
	f := start(t, k, s, forwarder.WithObserver(forwarder.Observer{
		Settled: func(_ context.Context, i forwarder.ForwardInfo) { settled <- i },
	}))
	refusing := k.Fail(forwardertest.Produce, invalidRecord, forwardertest.UntilStopped)
	err := f.Forward(t.Context(), makeBatch(t, 0))
	require.Error(t, err)
	assert.True(t, forwarder.Permanent(err), "%v", err)
	assert.False(t, forwarder.Kept(err))
	require.NoError(t, f.Store(t.Context(), makeBatch(t, 1)))
	info := <-settled
	assert.True(t, forwarder.Permanent(info.Err), "%v", info.Err)
	assert.NotZero(t, info.SpoolID)
	refusing.Stop()

	assert.Equal(t, 2, s.Stats().Refused)
	assert.Zero(t, s.Stats().Messages)
	assert.Equal(t, 2, f.Stats().Spool.Refused)
	require.NoError(t, f.Forward(t.Context(), makeBatch(t, 2)), "it holds up nothing")
	for m, err := range s.Refused() {
		require.NoError(t, err)
		assert.Equal(t, int16(invalidRecord), m.Code)
		assert.NotEmpty(t, m.Reason)
		assert.Contains(t, m.Reason, "see the topic's settings", "what to do, as in the log")
		assert.NotContains(t, m.Reason, "custom_event")
		require.NoError(t, m.PutAgain(t.Context()))
	}
	drainAll(t, f)
	messages := k.Messages(t, "events")
	assert.Len(t, messages, 3)
	forwardertest.NoDuplicates(t, messages, member)
}
