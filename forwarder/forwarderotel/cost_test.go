package forwarderotel

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
)

// Metrics cost a call no allocation here, and the header of a trace two: the context
// of the call with room for it, and the propagator's text. A span that records takes
// a list of attributes, and without headers the context. A tracer has its own.
func TestAllocations(t *testing.T) {
	metrics, err := newCallMetrics(sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())).Meter(scope))
	require.NoError(t, err)
	info := forwarder.ForwardInfo{
		Events: 2, Duration: time.Millisecond,
		Messages: []forwarder.Message{{Partition: 7, Offset: 4, Events: 2, Bytes: 900}},
	}
	none := noop.NewTracerProvider().Tracer(scope)
	parent := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	for name, tc := range map[string]struct {
		tracer  trace.Tracer
		headers bool
		want    float64
	}{
		"metrics":                       {want: 0},
		"a trace's header":              {headers: true, want: 2},
		"spans that record nothing":     {tracer: none, want: 0}, // the parent's span needs no context of its own
		"spans that record, and header": {tracer: recordingTracer{none}, headers: true, want: 3},
		"spans that record":             {tracer: recordingTracer{none}, want: 2},
	} {
		s := &sends{tracer: tc.tracer, metrics: metrics}
		s.open([]string{"events"})
		headers := func(context.Context, *batch.Batch) []forwarder.Header { return nil }
		if tc.headers {
			headers = s.traceHeaders(propagation.TraceContext{})
		}
		ctx := trace.ContextWithSpanContext(t.Context(), parent)
		got := testing.AllocsPerRun(100, func() {
			ctx := s.begun(ctx, nil)
			_ = headers(ctx, nil)
			s.done(ctx, info)
		})
		assert.InDelta(t, tc.want, got, 0, name)
	}
}

// A recordingTracer allocates nothing, and its spans say that they record.
type recordingTracer struct{ trace.Tracer }

func (r recordingTracer) Start(ctx context.Context, _ string, _ ...trace.SpanStartOption) (context.Context, trace.Span) {
	return ctx, theRecordingSpan
}

type recordingSpan struct{ noop.Span }

func (recordingSpan) IsRecording() bool { return true }

// theRecordingSpan takes no allocation.
var theRecordingSpan trace.Span = recordingSpan{}

// Who asks for headers again on the context of a call gets others, since the first
// are in messages.
func TestTraceHeaders_again(t *testing.T) {
	s := &sends{}
	headers := s.traceHeaders(propagation.TraceContext{})
	parent := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	ctx := s.begun(trace.ContextWithSpanContext(t.Context(), parent), nil)
	first, second := headers(ctx, nil), headers(ctx, nil)
	require.Len(t, first, 1)
	require.Equal(t, first, second)
	assert.NotSame(t, &first[0], &second[0])
	assert.NotSame(t, &first[0].Value[0], &second[0].Value[0])
}

// The carrier is what propagators expect of one.
func TestHeaderCarrier(t *testing.T) {
	c := &headerCarrier{}
	for _, key := range []string{"traceparent", "tracestate", "baggage", "tracestate"} {
		c.Set(key, "of "+key+string(rune('0'+len(c.headers))))
	}
	assert.Equal(t, []string{"traceparent", "tracestate", "baggage"}, c.Keys())
	assert.Equal(t, "of tracestate3", c.Get("tracestate"))
	assert.Empty(t, c.Get("other"))
	long := strings.Repeat("x", 200)
	c.Set("long", long)
	assert.Equal(t, long, c.Get("long"))
	for i, key := range []string{"traceparent0", "tracestate3", "baggage2"} {
		assert.Equal(t, "of "+key, string(c.headers[i].Value), "values share no bytes")
		assert.Equal(t, len(c.headers[i].Value), cap(c.headers[i].Value))
	}
}
