package suite_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// A reader finds the span of the call in the headers of each message.
func TestTrace_headers(t *testing.T) {
	w := watch(t, func(s *settings.Settings) { s.SendAsBatch = settings.Off })
	parent := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1, 2, 3}, SpanID: trace.SpanID{4}, TraceFlags: trace.FlagsSampled, Remote: true,
	})
	ctx := trace.ContextWithSpanContext(t.Context(), parent)
	require.NoError(t, w.Forward(ctx, parse(t, user, batch.CustomEvent, batch.ScreenView)))

	spans := w.spans.GetSpans()
	require.Len(t, spans, 1)
	span := spans[0]
	assert.Equal(t, "send events", span.Name)
	assert.Equal(t, trace.SpanKindProducer, span.SpanKind)
	assert.Equal(t, parent.TraceID(), span.SpanContext.TraceID())
	assert.Equal(t, parent.SpanID(), span.Parent.SpanID())
	assert.Equal(t, codes.Unset, span.Status.Code)
	assert.ElementsMatch(t, []attribute.KeyValue{
		attribute.String("messaging.system", "kafka"),
		attribute.String("messaging.operation.name", "send"),
		attribute.String("messaging.operation.type", "send"),
		attribute.String("messaging.destination.name", "events"),
		attribute.Int("messaging.batch.message_count", 2),
	}, span.Attributes)

	messages, err := forwardertest.Read(t.Context(), w.kafka.Settings())
	require.NoError(t, err)
	require.Len(t, messages, 2)
	for _, m := range messages {
		carrier := propagation.MapCarrier{}
		for _, h := range m.Headers {
			carrier[h.Key] = string(h.Value)
		}
		linked := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), carrier))
		assert.Equal(t, span.SpanContext.SpanID(), linked.SpanID())
		assert.Equal(t, span.SpanContext.TraceID(), linked.TraceID())
	}
}

// One message says where it is; an error says its kind and not its text.
func TestTrace_outcome(t *testing.T) {
	refusing := errors.New("user 4711081500000 is refused")
	w := watch(t, nil, forwarder.WithFilterFunc("ours", func(_ context.Context, b *batch.Batch) error {
		if b.NumEvents() > 1 {
			return refusing
		}
		return nil
	}))
	require.NoError(t, w.Forward(t.Context(), parse(t, user, batch.CustomEvent)))
	require.Error(t, w.Forward(t.Context(), parse(t, user, batch.CustomEvent, batch.CustomEvent)))
	spans := w.spans.GetSpans()
	require.Len(t, spans, 2)
	assert.Contains(t, spans[0].Attributes, attribute.Int("messaging.kafka.offset", 0))
	assert.Equal(t, codes.Error, spans[1].Status.Code)
	assert.Equal(t, "filter", spans[1].Status.Description)
	assert.Contains(t, spans[1].Attributes, attribute.String("error.type", "filter"))
	for _, span := range spans {
		for _, a := range span.Attributes {
			assert.NotContains(t, a.Value.String(), "4711081500000")
		}
	}
}

// A span that another observer starts stays its own.
func TestTrace_besideOthers(t *testing.T) {
	type key struct{}
	var seen []any
	w := watch(t, nil, forwarder.WithObserver(forwarder.Observer{
		Begun: func(ctx context.Context, _ *batch.Batch) context.Context {
			return context.WithValue(ctx, key{}, "ours")
		},
		Done: func(ctx context.Context, _ forwarder.ForwardInfo) { seen = append(seen, ctx.Value(key{})) },
	}))
	require.NoError(t, w.Forward(t.Context(), parse(t, user, batch.CustomEvent)))
	assert.Equal(t, []any{"ours"}, seen)
	assert.Len(t, w.spans.GetSpans(), 1)
}
