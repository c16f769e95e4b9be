// Package metrics has the page for Prometheus that the example services share.
package metrics

import (
	"net/http"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwarderotel"
)

// Page returns what a forwarder needs to be measured, and the page that Prometheus
// reads.
func Page() ([]forwarder.Option, http.Handler, error) {
	registry := client.NewRegistry()
	exporter, err := prometheus.New(prometheus.WithRegisterer(registry))
	if err != nil {
		return nil, nil, err
	}
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter))
	options, err := forwarderotel.New(forwarderotel.Options{MeterProvider: provider})
	return options, promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), err
}
