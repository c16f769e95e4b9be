// Package metrics has the page for Prometheus that the example services share.
package metrics

import (
	"context"
	"crypto/tls"
	"net/http"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwarderotel"
	"github.com/eventferry/eventferry/forwarder/receiver"
)

// An Exposition is the page that Prometheus reads.
type Exposition struct {
	http.Handler

	options forwarderotel.Options
}

// Page returns what a forwarder needs to be measured, and the page. The page says the
// service's name and version in target_info; the variables OTEL_SERVICE_NAME and
// OTEL_RESOURCE_ATTRIBUTES win.
func Page(ctx context.Context, service, version string) ([]forwarder.Option, *Exposition, error) {
	of, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", service), attribute.String("service.version", version)),
		resource.WithFromEnv())
	if err != nil {
		return nil, nil, err
	}
	registry := client.NewRegistry()
	exporter, err := prometheus.New(prometheus.WithRegisterer(registry))
	if err != nil {
		return nil, nil, err
	}
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter), sdkmetric.WithResource(of))
	page := &Exposition{promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), forwarderotel.Options{MeterProvider: provider}}
	options, err := forwarderotel.New(page.options)
	return options, page, err
}

// Server returns the server of a receiver, whose numbers are on the page from now on.
func (e *Exposition) Server(r *receiver.Receiver, address string, t *tls.Config) (*http.Server, error) {
	if _, err := forwarderotel.ObserveReceiver(r.Stats, e.options); err != nil {
		return nil, err
	}
	return r.Server(address, t)
}
