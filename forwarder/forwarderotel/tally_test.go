package forwarderotel

import (
	"context"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace"
)

// What was counted is in every collection behind it, once, with as many readers as
// there are.
func TestTally(t *testing.T) {
	readers := []*sdkmetric.ManualReader{sdkmetric.NewManualReader(), sdkmetric.NewManualReader()}
	meter := sdkmetric.NewMeterProvider(sdkmetric.WithReader(readers[0]), sdkmetric.WithReader(readers[1])).Meter(scope)
	counter, err := meter.Int64Counter("counted")
	require.NoError(t, err)
	level, err := meter.Int64ObservableUpDownCounter("level")
	require.NoError(t, err)
	counts := newTally(counter)
	_, err = meter.RegisterCallback(func(ctx context.Context, _ metric.Observer) error {
		counts.flush(ctx)
		return nil
	}, level)
	require.NoError(t, err)
	const each, callers = 1000, 4
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range each {
				counts.add(t.Context(), 2, labels{partition: noPartition, outcome: "acknowledged"})
				counts.add(t.Context(), 0, labels{partition: noPartition, outcome: "unknown"})
			}
		})
		all.Go(func() { collect(t, readers[0]) })
	}
	all.Wait()
	for _, r := range []*sdkmetric.ManualReader{readers[1], readers[0], readers[1]} {
		points := collect(t, r)
		require.Len(t, points, 1, "nothing is no outcome")
		assert.Equal(t, int64(2*each*callers), points[0].Value)
		assert.Empty(t, points[0].Exemplars)
	}
}

// Reasons of any number do not take memory of any size, and all are counted.
func TestTally_manyLabels(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	counter, err := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)).Meter(scope).Int64Counter("counted")
	require.NoError(t, err)
	counts := newTally(counter)
	const n = 3 * maxCounts
	for i := range n {
		counts.add(t.Context(), 1, labels{partition: noPartition, reason: strconv.Itoa(i)})
	}
	assert.Len(t, counts.counts, maxCounts)
	counts.flush(t.Context())
	total := int64(0)
	for _, p := range collect(t, reader) {
		total += p.Value
	}
	assert.Equal(t, int64(n), total)
}

// What happens in a sampled span is kept as an exemplar of it.
func TestTally_exemplar(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	counter, err := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)).Meter(scope).Int64Counter("counted")
	require.NoError(t, err)
	counts := newTally(counter)
	sampled := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled})
	counts.add(trace.ContextWithSpanContext(t.Context(), sampled), 3, labels{partition: 1})
	counts.add(t.Context(), 4, labels{partition: 1})
	counts.flush(t.Context())
	counts.flush(t.Context())
	points := collect(t, reader)
	require.Len(t, points, 1)
	assert.Equal(t, int64(7), points[0].Value)
	require.Len(t, points[0].Exemplars, 1)
	assert.Equal(t, sampled.SpanID(), trace.SpanID(points[0].Exemplars[0].SpanID))
}

// collect returns what a reader finds of the counter.
func collect(t *testing.T, r *sdkmetric.ManualReader) []metricdata.DataPoint[int64] {
	t.Helper()
	var all metricdata.ResourceMetrics
	assert.NoError(t, r.Collect(context.WithoutCancel(t.Context()), &all))
	for _, s := range all.ScopeMetrics {
		for _, m := range s.Metrics {
			if sum, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == "counted" {
				return sum.DataPoints
			}
		}
	}
	return nil
}
