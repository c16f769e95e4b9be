package suite_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwarderotel"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/receiver"
	"github.com/eventferry/eventferry/forwarder/spool"
	"github.com/eventferry/eventferry/settings"
)

// nowhere is a forwarder that keeps everything, so to speak.
type nowhere struct{}

func (nowhere) Forward(context.Context, *batch.Batch) error        { return nil }
func (nowhere) ForwardAll(context.Context, []*batch.Batch) []error { return nil }

// scrapeWithReceiver returns what Prometheus finds of a receiver that has refused some
// posts, and once nothing is observed any more.
func scrapeWithReceiver(t *testing.T) (during, after string) {
	t.Helper()
	registry := prometheus.NewRegistry()
	e, err := exporter.New(exporter.WithRegisterer(registry))
	require.NoError(t, err)
	feeds, err := receiver.StaticFeeds(receiver.Feed{Name: "hook", Secrets: []settings.Secret{settings.NewSecret("right")}})
	require.NoError(t, err)
	full := false
	r, err := receiver.New(nowhere{}, feeds, receiver.WithLogger(slog.New(slog.DiscardHandler)),
		receiver.WithQuarantine(func(context.Context, receiver.Quarantined) error {
			if full {
				return errors.New("full")
			}
			return nil
		}))
	require.NoError(t, err)
	pair, _ := clientCertificate(t)
	server, err := r.Server(":1", &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13})
	require.NoError(t, err)
	stop, err := forwarderotel.ObserveReceiver(r.Stats, forwarderotel.Options{MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(e))})
	require.NoError(t, err)
	post := func(secret, body string) {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, receiver.WebhookPath, strings.NewReader(body))
		req.TLS = &tls.ConnectionState{}
		req.Header.Set("Authorization", secret)
		server.Handler.ServeHTTP(httptest.NewRecorder(), req)
	}
	post("right", `{"mpid":1,"events":[]}`)
	post("wrong", `{}`)
	post("right", `{"mpid":1.5}`)
	full = true
	post("right", `{"mpid":1.5}`)
	scraped := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	defer scraped.Close()
	during = scrape(t, scraped)
	require.NoError(t, stop())
	return during, scrape(t, scraped)
}

// The page has posts by their answers, what went to quarantine, and when the certificate
// of the doors ends.
func TestMetrics_receiver(t *testing.T) {
	during, after := scrapeWithReceiver(t)
	for _, line := range []string{
		`eventferry_receiver_posts_total{code="200",door="webhook",feed="hook",`,
		`eventferry_receiver_posts_total{code="400",door="webhook",feed="hook",`,
		`eventferry_receiver_posts_total{code="401",door="webhook",feed="",`,
		`eventferry_receiver_posts_total{code="503",door="webhook",feed="hook",`,
		`eventferry_receiver_refused_total{door="webhook",feed="hook",otel_scope_`,
		`eventferry_receiver_certificate_expiry_seconds{`,
	} {
		assert.Contains(t, during, "\n"+line)
	}
	assert.Regexp(t, `eventferry_receiver_refused_total\{.*outcome="quarantined".*\} 1\n`, during)
	assert.Regexp(t, `eventferry_receiver_refused_total\{.*outcome="failed".*\} 1\n`, during)
	assert.Regexp(t, `eventferry_receiver_refused_total\{.*outcome="discarded".*\} 0\n`, during)
	assert.NotContains(t, during, "right")
	assert.NotContains(t, after, "eventferry_receiver_posts_total{")
}

// clientCertificate returns a certificate, and the settings of its files.
func clientCertificate(t *testing.T) (tls.Certificate, settings.TLS) {
	t.Helper()
	ca, err := forwardertest.NewCA()
	require.NoError(t, err)
	issued, err := ca.IssueClient("client")
	require.NoError(t, err)
	pair, err := issued.TLS()
	require.NoError(t, err)
	var s settings.TLS
	s.CertFile, s.KeyFile, err = issued.WriteFiles(t.TempDir(), "client")
	require.NoError(t, err)
	return pair, s
}

// The end of the client's certificate is that of the file now.
func TestMetrics_clientCertificate(t *testing.T) {
	pair, files := clientCertificate(t)
	w := watch(t, func(s *settings.Settings) { s.TLS.CertFile, s.TLS.KeyFile = files.CertFile, files.KeyFile })
	want, err := x509.ParseCertificate(pair.Certificate[0])
	require.NoError(t, err)
	assert.Equal(t, want.NotAfter, w.Stats().CertificateExpires)
	assert.InDelta(t, want.NotAfter.Unix(), w.metrics(t)["eventferry.client.certificate.expiry{}"], 0)
	assert.InDelta(t, 0, w.metrics(t)["eventferry.broker.renewals.refused{}"], 0)
	none := watch(t, nil)
	assert.Zero(t, none.Stats().CertificateExpires)
	assert.NotContains(t, none.metrics(t), "eventferry.client.certificate.expiry{}")
}

// A spool without room shows in a metric, and what it does not take has the reason.
func TestMetrics_spoolFull(t *testing.T) {
	w := watch(t, func(s *settings.Settings) { s.Spool = smallSpool(t) })
	fault := w.kafka.Unreachable()
	defer fault.Stop()
	before := w.metrics(t)
	assert.InDelta(t, 1, before["eventferry.spool.accepts{}"], 0)
	if runtime.GOOS == "linux" {
		assert.Positive(t, before["eventferry.spool.disk.free{}"])
	}
	large, err := batch.Parse([]byte(`{"mpid":1,"events":[{"event_type":"custom_event","data":{"pad":"` + strings.Repeat("x", 500_000) + `"}}]}`))
	require.NoError(t, err)
	var failed error
	for range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		told := make(chan error, 1)
		go func() { told <- w.Store(ctx, large) }()
		eventually(t, func() bool { return len(told) == 1 || w.Ready() != nil }, "it is stored, or the spool is full")
		cancel()
		if failed = <-told; failed != nil {
			break
		}
	}
	require.ErrorIs(t, failed, spool.ErrFull)
	after := w.metrics(t)
	assert.InDelta(t, 0, after["eventferry.spool.accepts{}"], 0)
	assert.Positive(t, sum(after, "eventferry.events", "outcome=not_sent", "error.type=spool_full"))
	assert.Zero(t, sum(after, "eventferry.events", "outcome=not_sent", "error.type=canceled"))
	require.False(t, forwarder.Kept(failed))
}
