package suite_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// smallSpool returns settings of a spool in a folder of the test's.
func smallSpool(t *testing.T) settings.Spool {
	t.Helper()
	return settings.Spool{Dir: t.TempDir(), MaxBytes: 8 << 20}
}

// What is stored is counted as that, once, and its messages when they are in Kafka.
func TestMetrics_spool(t *testing.T) {
	settled := make(chan forwarder.ForwardInfo, 3)
	w := watch(t, func(s *settings.Settings) { s.Spool = smallSpool(t) }, forwarder.WithObserver(forwarder.Observer{
		Settled: func(_ context.Context, i forwarder.ForwardInfo) { settled <- i },
	}))
	const events, messages = "eventferry.events", "messaging.client.sent.messages"
	require.NoError(t, w.Forward(t.Context(), parse(t, user, batch.CustomEvent)))
	fault := w.kafka.Unreachable()
	require.NoError(t, w.Store(t.Context(), parse(t, user, batch.CustomEvent, batch.ScreenView)))
	ctx, cancel := context.WithCancel(t.Context())
	told := make(chan error, 1)
	w.ForwardAsync(ctx, parse(t, user, batch.CustomEvent, batch.CustomEvent, batch.CustomEvent), func(err error) { told <- err })
	eventually(t, func() bool { return w.Stats().Spool.Messages == 2 }, "it is stored")
	cancel()
	require.True(t, forwarder.Kept(<-told))
	during := w.metrics(t)
	for name, want := range map[string]float64{
		"eventferry.spool.messages": 2, "eventferry.spool.refused": 0, "eventferry.spool.damaged": 0, "eventferry.spool.limit": 8 << 20, "eventferry.spool.usage": 2 << 20,
	} {
		assert.Contains(t, during, name+"{}")
		assert.InDelta(t, want, during[name+"{}"], 0, name)
	}
	assert.Positive(t, during["eventferry.spool.oldest.age{}"])
	assert.InDelta(t, 3, during["eventferry.spool.syncs{}"], 0, "each was stored alone")
	assert.Positive(t, during["eventferry.spool.syncing{}"])
	assert.Greater(t, during["eventferry.spool.written{}"], 3*100.0)
	assert.InDelta(t, 1, sum(during, messages), 0, "the other two are not sent yet")

	fault.Stop()
	for range 2 {
		require.NoError(t, (<-settled).Err)
	}
	require.NoError(t, w.Shutdown(t.Context()))
	assert.Empty(t, settled)
	after := w.metrics(t)
	assert.Equal(t, map[string]float64{"acknowledged": 1, "stored": 2, "left": 3, "all": 6, "late": 0, "messages": 3}, map[string]float64{
		"acknowledged": sum(after, events, "outcome=acknowledged"),
		"stored":       sum(after, events, "outcome=stored") - sum(after, events, "outcome=stored", "error.type"),
		"left":         sum(after, events, "outcome=stored", "error.type=canceled"),
		"all":          sum(after, events),
		"late":         sum(after, "eventferry.events.late"),
		"messages":     sum(after, messages, "messaging.destination.partition.id=") - sum(after, messages, "error.type"),
	})
}

// What is stored and waits for a topic that is missing from the start on shows by its cause,
// until the topic is there.
func TestMetrics_spoolUnmet(t *testing.T) {
	w := watch(t, func(s *settings.Settings) { s.Spool, s.TopicName = smallSpool(t), "later" }, forwarder.WithoutProbe())
	require.NoError(t, w.Store(t.Context(), parse(t, user, batch.CustomEvent)))
	const waiting = "eventferry.partitions.waiting"
	eventually(t, func() bool { return sum(w.metrics(t), waiting, "error.type=UNKNOWN_TOPIC_OR_PARTITION") == 1 }, "it waits for the topic")
	require.NoError(t, w.kafka.CreateTopic("later", 1))
	eventually(t, func() bool {
		got := w.metrics(t)
		return sum(got, waiting) == 0 && sum(got, "eventferry.partition.wait.duration") == 1
	}, "the wait has ended")
}

// What a broker refuses of a spool shows in its count, and as a message that failed.
func TestMetrics_spoolRefused(t *testing.T) {
	w := watch(t, func(s *settings.Settings) { s.Spool = smallSpool(t) })
	const invalidRecord = 87
	w.kafka.Fail(forwardertest.Produce, invalidRecord, forwardertest.UntilStopped)
	require.NoError(t, w.Store(t.Context(), parse(t, user, batch.CustomEvent)))
	eventually(t, func() bool {
		got := w.metrics(t)
		return got["eventferry.spool.refused{}"] == 1 && sum(got, "messaging.client.sent.messages", "error.type=INVALID_RECORD") == 1
	}, "the message is refused")
}

// A batch that a former process has stored is counted as messages when it has ended,
// and its events, which that process has counted, are not counted again.
func TestMetrics_spoolOfFormerProcess(t *testing.T) {
	var s settings.Settings
	former := watch(t, func(given *settings.Settings) {
		given.Spool = smallSpool(t)
		s = *given
	})
	fault := former.kafka.Unreachable()
	require.NoError(t, former.Store(t.Context(), parse(t, user, batch.CustomEvent, batch.ScreenView)))
	require.NoError(t, former.Close())
	const events, messages = "eventferry.events", "messaging.client.sent.messages"
	before := former.metrics(t)
	assert.InDelta(t, 2, sum(before, events, "outcome=stored"), 0)
	assert.Zero(t, sum(before, messages))

	fault.Stop()
	settled := make(chan forwarder.ForwardInfo, 1)
	later := watch(t, func(given *settings.Settings) { *given = s }, forwarder.WithObserver(forwarder.Observer{
		Settled: func(_ context.Context, i forwarder.ForwardInfo) { settled <- i },
	}))
	require.NoError(t, (<-settled).Err)
	require.NoError(t, later.Shutdown(t.Context()))
	after := later.metrics(t)
	assert.InDelta(t, 1, sum(after, messages), 0)
	assert.Zero(t, sum(after, events))
	assert.Zero(t, sum(after, "eventferry.events.late"))
	assert.Zero(t, sum(after, "messaging.client.operation.duration"), "no call has ended")
}
