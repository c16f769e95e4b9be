package forwarderotel

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/eventferry/eventferry/forwarder"
)

// scope is the name of the instrumentation.
const scope = "github.com/eventferry/eventferry/forwarder/forwarderotel"

// Options say where metrics and spans go. The zero value uses what the program has
// registered with OpenTelemetry.
type Options struct {
	MeterProvider  metric.MeterProvider          // nil: otel.GetMeterProvider
	TracerProvider trace.TracerProvider          // nil: otel.GetTracerProvider
	Propagator     propagation.TextMapPropagator // nil: otel.GetTextMapPropagator; one without fields, as it is before one is registered, leaves the messages without headers
}

// New returns the options to give to [forwarder.New]: an observer, beside which
// others may be given, and a function for headers. Call it once for each forwarder.
// Its error says that the MeterProvider refuses an instrument.
//
// Metrics that are read when they are collected end with the forwarder.
func New(o Options) ([]forwarder.Option, error) {
	if o.MeterProvider == nil {
		o.MeterProvider = otel.GetMeterProvider()
	}
	if o.TracerProvider == nil {
		o.TracerProvider = otel.GetTracerProvider()
	}
	if o.Propagator == nil {
		o.Propagator = otel.GetTextMapPropagator()
	}
	meter := o.MeterProvider.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL))
	calls, err := newCallMetrics(meter)
	if err != nil {
		return nil, err
	}
	state, err := newStateMetrics(meter)
	if err != nil {
		return nil, err
	}
	s := &sends{metrics: calls}
	observer := forwarder.Observer{
		Opened: func(info forwarder.OpenedInfo) {
			s.open(info.Topics)
			calls.open(info.Topics)
			state.open(info.Topics, info.Stats, calls.flush)
		},
		Closed: func() {
			state.close()
			calls.flush(context.Background())
		},
		Done:    s.done,
		Settled: calls.settled,
		Resumed: calls.resumed,
	}
	var list []forwarder.Option
	if len(o.Propagator.Fields()) > 0 {
		list = append(list, forwarder.WithHeaders(s.traceHeaders(o.Propagator)))
	}
	if _, none := o.TracerProvider.(noop.TracerProvider); !none {
		s.tracer = o.TracerProvider.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL))
	}
	if s.tracer != nil || s.headers {
		observer.Begun = s.begun
	}
	return append(list, forwarder.WithObserver(observer)), nil
}
