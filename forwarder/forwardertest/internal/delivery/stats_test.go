package delivery

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// Stats follows an outage: what was sent to whom, what waits for what, what tried
// in vain, and that all went on.
func TestStats(t *testing.T) {
	t.Parallel()
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3), forwardertest.WithTopic("events", 6))
	resumed := make(chan forwarder.ResumedInfo, 10)
	f := open(t, k, forwarder.WithObserver(forwarder.Observer{Resumed: func(_ context.Context, i forwarder.ResumedInfo) { resumed <- i }}))
	var l ledger
	for p := range int32(6) {
		l.send(t.Context(), t, f, userOn(p, 6, 0), 10)
	}
	l.waiting.Wait()
	s := f.Stats()
	assert.Equal(t, int64(6), s.Acknowledged)
	assert.Zero(t, s.Undecided)
	assert.Zero(t, s.BufferedBytes)
	assert.Empty(t, s.Waits)
	require.Len(t, s.Brokers, 3)
	messages := int64(0)
	for i, b := range s.Brokers {
		assert.Equal(t, int32(i), b.ID) //nolint:gosec // 3
		assert.Contains(t, k.Servers(), b.Addr)
		assert.Positive(t, b.Requests)
		assert.Greater(t, b.Bytes, 10*b.Messages)
		require.Eventually(t, func() bool {
			return f.Stats().Brokers[i].BytesSent > 50*b.Requests
		}, time.Minute, time.Millisecond, "a request has more than that beside its messages; it is counted when all is written, perhaps after the answer")
		assert.Equal(t, int64(1), b.Connections)
		assert.WithinDuration(t, time.Now(), b.ConnectedSince, time.Hour)
		messages += b.Messages
	}
	assert.Equal(t, int64(6), messages)

	refusing := k.Fail(forwardertest.Produce, 19, forwardertest.UntilStopped, 1)
	l.send(t.Context(), t, f, userOn(1, 6, 0), 10)
	require.Eventually(t, func() bool {
		waits := f.Stats().Waits
		return len(waits) == 1 && waits[0].Partition == 1
	}, time.Minute, 10*time.Millisecond)
	s = f.Stats()
	assert.Equal(t, 1, s.Undecided)
	assert.Positive(t, s.BufferedBytes)
	assert.Positive(t, s.Brokers[k.Leader("events", 1)].Retries)
	assert.NoError(t, f.Ready(), "its other partitions are well, and there is room")
	refusing.Stop()
	l.waiting.Wait()
	i := <-resumed
	assert.Equal(t, int32(1), i.Partition)
	assert.True(t, i.Acknowledged)
	assert.ErrorContains(t, i.Cause, "fewer in-sync replicas")
	assert.Positive(t, i.Duration)
	assert.Empty(t, f.Stats().Waits)

	k.CutConnections()
	for p := range int32(6) {
		l.send(t.Context(), t, f, userOn(p, 6, 0), 10)
	}
	l.waiting.Wait()
	for _, b := range f.Stats().Brokers {
		assert.Greater(t, b.Connections, int64(1))
	}
}

// Sarama's producer tells nothing of brokers; the rest is as with the engine.
func TestStats_stock(t *testing.T) {
	t.Parallel()
	f := stock.open(t, forwardertest.NewKafka(t))
	var l ledger
	l.send(t.Context(), t, f, 7, 10)
	l.waiting.Wait()
	s := f.Stats()
	assert.Equal(t, int64(1), s.Acknowledged)
	assert.Nil(t, s.Brokers)
}

// BytesSent is what compression has left.
func TestStats_compression(t *testing.T) {
	t.Parallel()
	f := open(t, forwardertest.NewKafka(t))
	var l ledger
	e, b := l.make(t, 7, 50_000)
	e.err = f.Forward(t.Context(), b)
	require.NoError(t, e.err)
	s := f.Stats().Brokers
	bytes, sent := int64(0), int64(0)
	for _, b := range s {
		bytes, sent = bytes+b.Bytes, sent+b.BytesSent
	}
	assert.Greater(t, bytes, int64(50_000))
	assert.Less(t, sent, bytes/4)
}
