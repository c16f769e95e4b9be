package forwarderotel

import (
	"cmp"
	"context"
	"errors"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/eventferry/eventferry/forwarder/receiver"
)

// ObserveReceiver has the numbers of a receiver read when metrics are collected, until
// stop is called. stats is its [receiver.Receiver.Stats]. Of o only the MeterProvider
// counts. Call it once for each receiver: the numbers of several with the same
// MeterProvider would be mixed up. Its error says that the MeterProvider refuses an
// instrument.
func ObserveReceiver(stats func() receiver.Stats, o Options) (stop func() error, err error) {
	meter := cmp.Or(o.MeterProvider, otel.GetMeterProvider()).Meter(scope, metric.WithSchemaURL(semconv.SchemaURL))
	r, err := newReceiverMetrics(meter)
	if err != nil {
		return nil, err
	}
	registration, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		r.observe(o, stats())
		return nil
	}, r.posts, r.refused, r.expiry)
	if err != nil {
		return nil, err
	}
	return registration.Unregister, nil
}

// receiverMetrics are read from a receiver when they are collected.
type receiverMetrics struct {
	posts, refused metric.Int64ObservableCounter
	expiry         metric.Int64ObservableGauge
}

func newReceiverMetrics(m metric.Meter) (*receiverMetrics, error) {
	posts, badPosts := m.Int64ObservableCounter("eventferry.receiver.posts",
		metric.WithUnit("{request}"), metric.WithDescription("Requests that doors answered, by status."))
	refused, badRefused := m.Int64ObservableCounter("eventferry.receiver.refused",
		metric.WithUnit("{batch}"), metric.WithDescription("What can never be forwarded: quarantined, failed (the quarantine did not take it) or discarded (there is none)."))
	expiry, badExpiry := m.Int64ObservableGauge("eventferry.receiver.certificate.expiry",
		metric.WithUnit("s"), metric.WithDescription("When the certificate of the doors is no longer valid, since the epoch of Unix."))
	return &receiverMetrics{posts, refused, expiry}, errors.Join(badPosts, badRefused, badExpiry)
}

func (r *receiverMetrics) observe(o metric.Observer, now receiver.Stats) {
	for i := range now.Posts {
		p := &now.Posts[i]
		o.ObserveInt64(r.posts, p.Posts, metric.WithAttributes(of(p.Door, p.Feed, attribute.Int("code", p.Status))...))
	}
	for i := range now.Refused {
		p := &now.Refused[i]
		for _, fate := range []struct {
			outcome string
			count   int64
		}{{"quarantined", p.Quarantined}, {"failed", p.Failed}, {"discarded", p.Discarded}} {
			o.ObserveInt64(r.refused, fate.count, metric.WithAttributes(of(p.Door, p.Feed, attribute.String("outcome", fate.outcome))...))
		}
	}
	if !now.CertificateExpires.IsZero() {
		o.ObserveInt64(r.expiry, now.CertificateExpires.Unix())
	}
}

// of returns the attributes of a count. An empty door or feed stays one, so that each
// series has the same labels.
func of(door receiver.Door, feed string, more attribute.KeyValue) []attribute.KeyValue {
	return []attribute.KeyValue{attribute.String("door", string(door)), attribute.String("feed", feed), more}
}
