package forwarderotel

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/eventferry/eventferry/forwarder"
)

// instruments returns the names of all instruments that New makes, in order.
func instruments(t *testing.T) []string {
	t.Helper()
	names := map[string]bool{}
	noting := func(i sdkmetric.Instrument) (sdkmetric.Stream, bool) {
		names[i.Name] = true
		return sdkmetric.Stream{}, false
	}
	_, err := New(Options{MeterProvider: sdkmetric.NewMeterProvider(
		sdkmetric.WithReader(sdkmetric.NewManualReader()), sdkmetric.WithView(noting))})
	require.NoError(t, err)
	return slices.Sorted(maps.Keys(names))
}

// The package's documentation lists each metric, and no others. That each has a panel,
// TestBoard_hasEachMetric says.
func TestDoc_listsEachMetric(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	var listed []string
	for _, line := range regexp.MustCompile(`(?m)^//\t((?:eventferry|messaging)\.[a-z_.]+) `).FindAllStringSubmatch(string(text), -1) {
		listed = append(listed, line[1])
	}
	slices.Sort(listed)
	assert.Equal(t, instruments(t), listed)
}

// unexported are the fields of forwarder.Stats that no metric is read from.
var unexported = map[string]string{
	"Stats.Acknowledged":         "messaging.client.sent.messages counts messages with each call",
	"Stats.NotSent":              "messaging.client.sent.messages, with error.type",
	"Stats.Unknown":              "messaging.client.sent.messages, with error.type",
	"Stats.NotAccepted":          "messaging.client.operation.duration counts calls, with error.type",
	"Stats.DroppedBatches":       "eventferry.events, with filter and reason",
	"Stats.DroppedEvents":        "eventferry.events, with filter and reason",
	"BrokerStats.Messages":       "messaging.client.sent.messages counts each once, and eventferry.broker.retries what is sent again",
	"BrokerStats.ConnectedSince": "eventferry.broker.connections tells renewals, and a time is no measurement",
}

// Each field of the statistics changes a metric, or stands in the list above.
func TestStateMetrics_haveEachField(t *testing.T) {
	s, err := newStateMetrics(sdkmetric.NewMeterProvider().Meter(scope))
	require.NoError(t, err)
	seen := map[string]bool{}
	check := func(of func(*forwarder.Stats) any) {
		fields := reflect.TypeOf(of(someStats())).Elem()
		for i := range fields.NumField() {
			name := fields.Name() + "." + fields.Field(i).Name
			now := someStats()
			if !change(reflect.ValueOf(of(now)).Elem().Field(i)) {
				continue // a struct of its own
			}
			seen[name] = true
			_, mayBeSilent := unexported[name]
			assert.Equal(t, mayBeSilent, reflect.DeepEqual(observed(s, someStats()), observed(s, now)),
				"%s: read it in state_metrics.go, or say in this file why no metric has it", name)
		}
	}
	check(func(s *forwarder.Stats) any { return s })
	check(func(s *forwarder.Stats) any { return s.Spool })
	check(func(s *forwarder.Stats) any { return &s.Brokers[0] })
	for name := range unexported {
		assert.True(t, seen[name], "%s is no field", name)
	}
}

func someStats() *forwarder.Stats {
	return &forwarder.Stats{Spool: &forwarder.SpoolStats{}, Brokers: []forwarder.BrokerStats{{ID: 1, Addr: "b1:9093", Bytes: 300, BytesSent: 100}}}
}

// change gives a field another value, and reports whether it is no group of others.
func change(field reflect.Value) bool {
	switch value := field.Addr().Interface().(type) {
	case *[]forwarder.WaitInfo:
		*value = []forwarder.WaitInfo{{Cause: errors.New("a cause")}}
	case *time.Time:
		*value = time.Now()
	case *string:
		*value = "b2:9093"
	case **forwarder.SpoolStats, *[]forwarder.BrokerStats:
		return false
	default:
		field.SetInt(field.Int() + 7)
	}
	return true
}

// observed returns what is read of statistics, by instrument and attributes.
func observed(s *stateMetrics, now *forwarder.Stats) readings {
	r := readings{all: map[string]float64{}}
	s.observe(r, *now)
	return r
}

type readings struct {
	metricnoop.Observer

	all map[string]float64
}

func (r readings) ObserveInt64(i metric.Int64Observable, value int64, opts ...metric.ObserveOption) {
	r.note(i, float64(value), opts)
}

func (r readings) ObserveFloat64(i metric.Float64Observable, value float64, opts ...metric.ObserveOption) {
	r.note(i, value, opts)
}

func (r readings) note(instrument any, value float64, opts []metric.ObserveOption) {
	set := metric.NewObserveConfig(opts).Attributes()
	r.all[fmt.Sprintf("%p %s", instrument, set.Encoded(attribute.DefaultEncoder()))] = value
}
