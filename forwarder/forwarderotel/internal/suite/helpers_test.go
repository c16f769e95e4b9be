package suite_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwarderotel"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

func TestMain(m *testing.M) {
	if os.Getenv(brokerVariable) != "" {
		if err := serveKafka(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err) // the test misses the variables
		}
		return
	}
	// Sarama's library for metrics starts one goroutine for all of the process.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

// A watched forwarder and what it has told OpenTelemetry.
type watched struct {
	*forwarder.Forwarder

	kafka  *forwardertest.Kafka
	reader *sdkmetric.ManualReader
	spans  *tracetest.InMemoryExporter
}

// watch starts a forwarder with telemetry on an embedded Kafka.
func watch(t *testing.T, change func(*settings.Settings), opts ...forwarder.Option) *watched {
	t.Helper()
	w := &watched{
		kafka:  forwardertest.NewKafka(t, forwardertest.WithTopic("events", 3)),
		reader: sdkmetric.NewManualReader(),
		spans:  tracetest.NewInMemoryExporter(),
	}
	telemetry, err := forwarderotel.New(forwarderotel.Options{
		MeterProvider:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(w.reader)),
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSyncer(w.spans)),
		Propagator:     propagation.TraceContext{},
	})
	require.NoError(t, err)
	s := w.kafka.Settings()
	if change != nil {
		change(&s)
	}
	opts = append(opts, forwarder.WithLogger(slog.New(slog.DiscardHandler)))
	w.Forwarder, err = forwarder.New(t.Context(), s, append(opts, telemetry...)...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// metrics collects all sums, gauges and counts of histograms, by name and
// attributes.
func (w *watched) metrics(t *testing.T) map[string]float64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, w.reader.Collect(context.WithoutCancel(t.Context()), &all))
	found := map[string]float64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					found[series(m.Name, p.Attributes)] = float64(p.Value)
				}
			case metricdata.Sum[float64]:
				for _, p := range data.DataPoints {
					found[series(m.Name, p.Attributes)] = p.Value
				}
			case metricdata.Gauge[int64]:
				for _, p := range data.DataPoints {
					found[series(m.Name, p.Attributes)] = float64(p.Value)
				}
			case metricdata.Gauge[float64]:
				for _, p := range data.DataPoints {
					found[series(m.Name, p.Attributes)] = p.Value
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					found[series(m.Name, p.Attributes)] = float64(p.Count)
				}
			default:
				require.Failf(t, "a kind that the test does not know", "%s: %T", m.Name, data)
			}
		}
	}
	return found
}

func series(name string, set attribute.Set) string {
	return name + "{" + set.Encoded(attribute.DefaultEncoder()) + "}"
}

// parse makes a batch of one user with events of the given types.
func parse(t *testing.T, user int64, types ...string) *batch.Batch {
	t.Helper()
	text := fmt.Sprintf(`{"mpid":%d,"events":[`, user)
	for i, eventType := range types {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf(`{"event_type":%q,"data":{"event_name":"Checkout"}}`, eventType)
	}
	b, err := batch.Parse([]byte(text + "]}"))
	require.NoError(t, err)
	return b
}

// eventually waits for a condition, however long a busy machine takes.
func eventually(t *testing.T, is func() bool, what string) {
	t.Helper()
	require.Eventually(t, is, time.Minute, 20*time.Millisecond, what)
}
