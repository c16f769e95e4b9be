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
	"github.com/eventferry/eventferry/forwarder/receiver"
)

// instruments returns the names of all instruments that New and ObserveReceiver make, in
// order.
func instruments(t *testing.T) []string {
	t.Helper()
	names := map[string]bool{}
	noting := func(i sdkmetric.Instrument) (sdkmetric.Stream, bool) {
		names[i.Name] = true
		return sdkmetric.Stream{}, false
	}
	o := Options{MeterProvider: sdkmetric.NewMeterProvider(
		sdkmetric.WithReader(sdkmetric.NewManualReader()), sdkmetric.WithView(noting))}
	_, err := New(o)
	require.NoError(t, err)
	_, err = ObserveReceiver(func() receiver.Stats { return receiver.Stats{} }, o)
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
	observe := func(o metric.Observer, now *forwarder.Stats) { s.observe(o, *now) }
	haveEachField(t, seen, someStats, observe, func(s *forwarder.Stats) any { return s })
	haveEachField(t, seen, someStats, observe, func(s *forwarder.Stats) any { return s.Spool })
	haveEachField(t, seen, someStats, observe, func(s *forwarder.Stats) any { return &s.Brokers[0] })
	for name := range unexported {
		assert.True(t, seen[name], "%s is no field", name)
	}
}

// The same for those of a receiver.
func TestReceiverMetrics_haveEachField(t *testing.T) {
	r, err := newReceiverMetrics(sdkmetric.NewMeterProvider().Meter(scope))
	require.NoError(t, err)
	some := func() *receiver.Stats {
		return &receiver.Stats{Posts: []receiver.PostStats{{Status: 200}}, Refused: []receiver.RefusedStats{{}}}
	}
	observe := func(o metric.Observer, now *receiver.Stats) { r.observe(o, *now) }
	haveEachField(t, map[string]bool{}, some, observe, func(s *receiver.Stats) any { return s })
	haveEachField(t, map[string]bool{}, some, observe, func(s *receiver.Stats) any { return &s.Posts[0] })
	haveEachField(t, map[string]bool{}, some, observe, func(s *receiver.Stats) any { return &s.Refused[0] })
}

// haveEachField changes each field of a part of statistics.
func haveEachField[S any](t *testing.T, seen map[string]bool, some func() *S, observe func(metric.Observer, *S), of func(*S) any) {
	t.Helper()
	observed := func(now *S) map[string]float64 {
		r := readings{all: map[string]float64{}}
		observe(r, now)
		return r.all
	}
	fields := reflect.TypeOf(of(some())).Elem()
	for i := range fields.NumField() {
		name := fields.Name() + "." + fields.Field(i).Name
		now := some()
		if !change(reflect.ValueOf(of(now)).Elem().Field(i)) {
			continue // a struct of its own
		}
		seen[name] = true
		_, mayBeSilent := unexported[name]
		assert.Equal(t, mayBeSilent, reflect.DeepEqual(observed(some()), observed(now)),
			"%s: have a metric read it, or say in this file why none has it", name)
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
	case *bool:
		*value = !*value
	case *receiver.Door:
		*value = receiver.WebhookDoor
	case **forwarder.SpoolStats, *[]forwarder.BrokerStats, *[]receiver.PostStats, *[]receiver.RefusedStats:
		return false
	default:
		field.SetInt(field.Int() + 7)
	}
	return true
}

// readings is what is read of statistics, by instrument and attributes.
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
