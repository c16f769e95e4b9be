package forwarder_test

import (
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/settings"
)

// Explain and DryRun follow routes: each message names its topic and has the events
// for it, and what no route takes is dropped by them.
func TestExplain_routes(t *testing.T) {
	b, err := batch.Parse([]byte(`{"mpid":7,"events":[{"event_type":"custom_event"},{"event_type":"commerce_event"},{"event_type":"screen_view"}]}`))
	require.NoError(t, err)
	routes := forwarder.WithExplainedRoutes(
		forwarder.Route{Topic: "commerce", Types: []string{batch.CommerceEvent}},
		forwarder.Route{Topic: "custom", Types: []string{batch.CustomEvent}},
	)
	s := settings.Settings{BootstrapServers: "b1:9093", UserName: "user", Password: settings.NewSecret("secret")}
	e, err := forwarder.Explain(t.Context(), s, b, routes)
	require.NoError(t, err)
	require.NoError(t, e.Err)
	require.Len(t, e.Messages, 2)
	assert.Equal(t, "commerce", e.Messages[0].Topic)
	assert.Equal(t, []int{1}, e.Messages[0].Events)
	assert.Equal(t, "custom", e.Messages[1].Topic)
	assert.Equal(t, []int{0}, e.Messages[1].Events)
	assert.True(t, e.Events[0].Kept && e.Events[1].Kept)
	assert.False(t, e.Events[2].Kept)
	assert.Equal(t, "routes", e.Events[2].Filter)
	assert.Contains(t, e.String(), "message 1 of 2 to topic commerce: event 1, ")
	assert.Equal(t, 3, b.NumEvents(), "the caller's is as it was")

	report, err := forwarder.DryRun(t.Context(), s, iter.Seq2[*batch.Batch, error](func(yield func(*batch.Batch, error) bool) { yield(b, nil) }), routes)
	require.NoError(t, err)
	assert.Equal(t, 2, report.Messages)
	assert.Equal(t, 2, report.SentEvents)
	require.Len(t, report.Rows, 1)
	assert.Equal(t, "routes", report.Rows[0].Filter)
}

// Mistakes in routes are those of NewRoutes.
func TestExplain_routesMistakes(t *testing.T) {
	s := settings.Settings{BootstrapServers: "b1:9093", TopicName: "events", UserName: "user", Password: settings.NewSecret("secret")}
	b, err := batch.Parse([]byte(`{}`))
	require.NoError(t, err)
	_, err = forwarder.Explain(t.Context(), s, b, forwarder.WithExplainedRoutes())
	require.ErrorContains(t, err, "topic_name must be empty")
	require.ErrorContains(t, err, "there is no route")
	s.TopicName, s.Spool.Dir = "", t.TempDir()
	_, err = forwarder.Explain(t.Context(), s, b, forwarder.WithExplainedRoutes(forwarder.Route{Topic: "events"}), forwarder.WithWindow(time.Minute))
	require.EqualError(t, err, "forwarder: WithWindow, or the setting spool.window, gathers batches for one topic, and routes divide them: leave one of them out")
	s.Spool.Window = time.Minute
	_, err = forwarder.Explain(t.Context(), s, b, forwarder.WithExplainedRoutes(forwarder.Route{Topic: "events"}))
	require.ErrorContains(t, err, "the setting spool.window, gathers batches for one topic")
}
