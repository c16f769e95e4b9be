package suite_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

const user = 4711081500000

// sum adds up the series of a metric whose attributes contain all the parts.
func sum(metrics map[string]float64, name string, parts ...string) (total float64) {
	for s, v := range metrics {
		if !strings.HasPrefix(s, name+"{") {
			continue
		}
		has := true
		for _, part := range parts {
			has = has && strings.Contains(s, part)
		}
		if has {
			total += v
		}
	}
	return total
}

// Each event is counted once, by what its caller was told.
func TestMetrics_outcomes(t *testing.T) {
	refusing := errors.New("refused by a filter")
	w := watch(t, func(s *settings.Settings) { s.Delivery.MaxMessageBytes, s.Delivery.MaxBufferedBytes = 2000, 1<<20 },
		forwarder.WithFilterFunc("ours", func(_ context.Context, b *batch.Batch) error {
			if id, _ := b.UserID(); id == 13 {
				return refusing
			}
			b.DropEvents("is a breadcrumb", func(e batch.Event) bool { return e.Type() == batch.Breadcrumb })
			return nil
		}))
	require.NoError(t, w.Forward(t.Context(), parse(t, user, batch.CustomEvent, batch.Breadcrumb, batch.ScreenView, batch.UserAttributeChange)))
	require.NoError(t, w.Forward(t.Context(), parse(t, user, batch.CustomEvent)))
	require.ErrorIs(t, w.Forward(t.Context(), parse(t, 13, batch.CustomEvent, batch.CustomEvent)), refusing)
	large, err := batch.Parse([]byte(`{"mpid":1,"events":[{"event_type":"custom_event","data":{"x":"` + strings.Repeat("x", 3000) + `"}}]}`))
	require.NoError(t, err)
	require.Error(t, w.Forward(t.Context(), large))
	require.NoError(t, w.Shutdown(t.Context()))

	got := w.metrics(t)
	const events, messages, durations = "eventferry.events", "messaging.client.sent.messages", "messaging.client.operation.duration"
	assert.Equal(t, map[string]float64{
		"acknowledged": 3, "filter": 1, "setting": 1, "filter error": 2, "too large": 1, "all": 8,
		"messages": 2, "calls": 2, "failed calls": 2,
	}, map[string]float64{
		"acknowledged": sum(got, events, "outcome=acknowledged"),
		"filter":       sum(got, events, "outcome=dropped", "filter=ours", "reason=is a breadcrumb"),
		"setting":      sum(got, events, "outcome=dropped", "filter=include_user_attribute_change_events"),
		"filter error": sum(got, events, "outcome=not_sent", "error.type=filter"),
		"too large":    sum(got, events, "outcome=not_sent", "error.type=too_large"),
		"all":          sum(got, events),
		"messages":     sum(got, messages, "messaging.system=kafka", "messaging.destination.name=events", "messaging.destination.partition.id="),
		"calls":        sum(got, durations) - sum(got, durations, "error.type"),
		"failed calls": sum(got, durations, "error.type="),
	})
	for s := range got {
		assert.NotContains(t, s, "4711081500000", "a user id is data")
		assert.NotContains(t, s, "Checkout")
		assert.NotContains(t, s, refusing.Error())
	}
}

// An outage shows while it lasts, ends visibly, and what was unknown is told later.
func TestMetrics_outage(t *testing.T) {
	w := watch(t, nil)
	require.NoError(t, w.Forward(t.Context(), parse(t, user, batch.CustomEvent)))
	eventually(t, func() bool { return sum(w.metrics(t), "eventferry.broker.io") > 0 }, "what is written is counted, perhaps after the answer")
	before := w.metrics(t)
	assert.Zero(t, sum(before, "eventferry.buffer.usage"))
	assert.InDelta(t, 64<<20, sum(before, "eventferry.buffer.limit"), 0)
	assert.Zero(t, sum(before, "eventferry.partitions.waiting"))
	assert.Contains(t, before, "eventferry.partitions.waiting{}", "an alert needs a series before it is needed")
	assert.Positive(t, sum(before, "eventferry.broker.requests", "server.address="))
	assert.Positive(t, sum(before, "eventferry.compression.ratio"))

	fault := w.kafka.Leaderless("events")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, w.Forward(ctx, parse(t, user, batch.CustomEvent, batch.CustomEvent)), context.DeadlineExceeded)
	told := make(chan error, 1)
	w.ForwardAsync(t.Context(), parse(t, user, batch.CustomEvent), func(err error) { told <- err })
	eventually(t, func() bool { return sum(w.metrics(t), "eventferry.partitions.waiting", "error.type=") > 0 }, "a partition waits")
	during := w.metrics(t)
	assert.Positive(t, sum(during, "eventferry.messages.undecided"))
	assert.Positive(t, sum(during, "eventferry.buffer.usage"))
	assert.InDelta(t, 2, sum(during, "eventferry.events", "outcome=not_sent")+sum(during, "eventferry.events", "outcome=unknown"), 0)

	fault.Stop()
	require.NoError(t, <-told)
	eventually(t, func() bool {
		after := w.metrics(t)
		return sum(after, "eventferry.partitions.waiting") == 0 && sum(after, "eventferry.partition.wait.duration") > 0
	}, "the wait has ended")
}

// What is unknown when its caller leaves is counted again when it is known.
func TestMetrics_late(t *testing.T) {
	w := watch(t, nil)
	require.NoError(t, w.Forward(t.Context(), parse(t, user, batch.CustomEvent)))
	silent := w.kafka.WithholdAnswers(forwardertest.Produce, forwardertest.UntilStopped)
	ctx, cancel := context.WithCancel(t.Context())
	told := make(chan error, 1)
	w.ForwardAsync(ctx, parse(t, user, batch.CustomEvent, batch.ScreenView), func(err error) { told <- err })
	arrives, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	require.NoError(t, silent.Wait(arrives, 1), "Kafka has it and does not answer")
	cancel()
	require.ErrorIs(t, <-told, context.Canceled)
	assert.InDelta(t, 2, sum(w.metrics(t), "eventferry.events", "outcome=unknown", "error.type=canceled"), 0)
	silent.Stop()
	w.kafka.CutConnections()
	eventually(t, func() bool {
		return sum(w.metrics(t), "eventferry.events.late", "outcome=acknowledged") == 2
	}, "both events were acknowledged in the end")
}

// Metrics that are read at collection end with the forwarder.
func TestMetrics_close(t *testing.T) {
	w := watch(t, nil)
	require.NoError(t, w.Forward(t.Context(), parse(t, user, batch.CustomEvent)))
	assert.NotZero(t, sum(w.metrics(t), "eventferry.buffer.limit"))
	require.NoError(t, w.Close())
	after := w.metrics(t)
	assert.Zero(t, sum(after, "eventferry.buffer.limit"))
	assert.InDelta(t, 1, sum(after, "eventferry.events"), 0, "counts stay")
}
