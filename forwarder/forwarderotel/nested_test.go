package forwarderotel

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/eventferry/eventferry/forwarder"
)

// A call in a filter of another call has a span of its own, also if one of the two is
// not sampled.
func TestSends_nested(t *testing.T) {
	metrics, err := newCallMetrics(metricnoop.NewMeterProvider().Meter(scope))
	require.NoError(t, err)
	for name, sampled := range map[string][]bool{"both": {true, true}, "the outer": {true, false}, "the inner": {false, true}} {
		spans := tracetest.NewSpanRecorder()
		s := &sends{metrics: metrics}
		s.tracer = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans), sdktrace.WithSampler(&inTurn{answers: sampled})).Tracer(scope)
		s.open([]string{"events"})
		outer := s.begun(t.Context(), nil)
		inner := s.begun(outer, nil)
		s.done(inner, forwarder.ForwardInfo{Err: forwarder.ErrClosed})
		s.done(outer, forwarder.ForwardInfo{})
		var failed []string
		for _, span := range spans.Ended() {
			failed = append(failed, span.Status().Description)
		}
		want := map[string][]string{"both": {"closed", ""}, "the outer": {""}, "the inner": {"closed"}}
		assert.Equal(t, want[name], failed, name)
	}
}

// inTurn samples or does not, in the order of its answers.
type inTurn struct{ answers []bool }

func (i *inTurn) ShouldSample(sdktrace.SamplingParameters) sdktrace.SamplingResult {
	sample := i.answers[0]
	i.answers = i.answers[1:]
	if sample {
		return sdktrace.SamplingResult{Decision: sdktrace.RecordAndSample}
	}
	return sdktrace.SamplingResult{Decision: sdktrace.Drop}
}

func (i *inTurn) Description() string { return "in turn" }
