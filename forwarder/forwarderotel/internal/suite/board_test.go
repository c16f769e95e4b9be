package suite_test

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.yaml.in/yaml/v3"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwarderotel"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// TestBoard: each query of the board and of the alerts is valid, and every metric
// and label in them is exported by a forwarder that has met an outage, or has a spool, or
// by a receiver.
func TestBoard(t *testing.T) {
	exported := labelsOf(scrapeAll(t))
	var queries []string
	queries = append(queries, boardQueries(t)...)
	queries = append(queries, alertQueries(t)...)
	require.Greater(t, len(queries), 20)
	for _, q := range queries {
		for _, problem := range problems(q, exported) {
			t.Errorf("%s: %s", q, problem)
		}
	}
}

// withoutPanel are metrics that the board does not show.
var withoutPanel = map[string]string{
	"eventferry_spool_windows_length_seconds": "a setting, which an alert subtracts",
}

// TestBoard_hasEachMetric: a metric that no panel shows is forgotten.
func TestBoard_hasEachMetric(t *testing.T) {
	shown := strings.Join(boardQueries(t), "\n")
	exported := labelsOf(scrapeAll(t))
	assert.Equal(t, slices.Sorted(maps.Keys(withoutPanel)), notShown(exported, shown), "metrics without a panel in dashboard.json")
}

// The check catches one that no panel has, and one whose name begins like another's.
func TestBoard_hasEachMetric_control(t *testing.T) {
	exported := labelsOf("eventferry_events_total{} 1\neventferry_events_late_total{} 1\ngo_threads 1\nmessaging_x_seconds_bucket{} 1\nmessaging_x_seconds_sum{} 1\n")
	assert.Equal(t, []string{"eventferry_events_total", "messaging_x_seconds"}, notShown(exported, "rate(eventferry_events_late_total[1m])"))
	assert.Empty(t, notShown(exported, "eventferry_events_total{} + eventferry_events_late_total + rate(messaging_x_seconds_bucket[1m])"))
}

// notShown returns the names of our metrics that queries do not have, in order. Those of
// a histogram are one.
func notShown(exported map[string]map[string]bool, queries string) []string {
	missing := map[string]bool{}
	for name := range exported {
		if !strings.HasPrefix(name, "eventferry_") && !strings.HasPrefix(name, "messaging_") {
			continue
		}
		base := name
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			base = strings.TrimSuffix(base, suffix)
		}
		if !regexp.MustCompile(`\b` + base + `(_bucket|_sum|_count)?\b`).MatchString(queries) {
			missing[base] = true
		}
	}
	return slices.Sorted(maps.Keys(missing))
}

// The check catches a query that is none, and names that nothing exports.
func TestBoard_control(t *testing.T) {
	exported := map[string]map[string]bool{"eventferry_buffer_usage_bytes": {"job": true}}
	assert.Empty(t, problems(`sum by (job) (eventferry_buffer_usage_bytes{job=~"$job"})`, exported))
	assert.Len(t, problems(`sum by (job (eventferry_buffer_usage_bytes)`, exported), 1)
	assert.Equal(t, []string{"eventferry_buffer_used_bytes is not exported"}, problems(`rate(eventferry_buffer_used_bytes[$__rate_interval])`, exported))
	assert.Equal(t, []string{"eventferry_buffer_usage_bytes has no label partition"}, problems(`eventferry_buffer_usage_bytes{partition="1"}`, exported))
	assert.Equal(t, []string{"no metric has the label partition"}, problems(`sum by (partition) (eventferry_buffer_usage_bytes)`, exported))
}

// problems returns what is wrong with a query.
func problems(query string, exported map[string]map[string]bool) (list []string) {
	query = strings.NewReplacer("$__rate_interval", "1m", "$job", "service").Replace(query)
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		return []string{err.Error()}
	}
	known := map[string]bool{"le": true}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		selector, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		has, ok := exported[selector.Name]
		if !ok {
			list = append(list, selector.Name+" is not exported")
			return nil
		}
		for name := range has {
			known[name] = true
		}
		for _, m := range selector.LabelMatchers {
			if m.Name != model.MetricNameLabel && !has[m.Name] {
				list = append(list, selector.Name+" has no label "+m.Name)
			}
		}
		return nil
	})
	if len(list) > 0 {
		return list
	}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if a, ok := node.(*parser.AggregateExpr); ok {
			for _, name := range a.Grouping {
				if !known[name] {
					list = append(list, "no metric has the label "+name)
				}
			}
		}
		return nil
	})
	return list
}

// scrapeAll returns all that there may be.
func scrapeAll(t *testing.T) string {
	t.Helper()
	doors, _ := scrapeWithReceiver(t)
	all := scrapeAfterOutage(t) + scrapeWithSpool(t) + doors
	if runtime.GOOS != "linux" {
		all += "eventferry_spool_disk_free_bytes{} 1\n" // which other systems do not tell
	}
	return all
}

// scrapeWithSpool returns what Prometheus finds when there is a spool, and a
// certificate of the client.
func scrapeWithSpool(t *testing.T) string {
	t.Helper()
	telemetry, scraped := exportTelemetry(t)
	s := forwardertest.NewKafka(t).Settings()
	s.Spool = smallSpool(t)
	_, files := clientCertificate(t)
	s.TLS.CertFile, s.TLS.KeyFile = files.CertFile, files.KeyFile
	f, err := forwarder.New(t.Context(), s, telemetry...)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, f.Store(t.Context(), parse(t, user, batch.CustomEvent)))
	return scrape(t, scraped)
}

// exportTelemetry returns options whose metrics the server has for Prometheus.
func exportTelemetry(t *testing.T) ([]forwarder.Option, *httptest.Server) {
	t.Helper()
	registry := prometheus.NewRegistry()
	e, err := exporter.New(exporter.WithRegisterer(registry))
	require.NoError(t, err)
	telemetry, err := forwarderotel.New(forwarderotel.Options{MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(e))})
	require.NoError(t, err)
	scraped := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	t.Cleanup(scraped.Close)
	return telemetry, scraped
}

// scrapeAfterOutage returns what Prometheus finds during an outage and after it.
func scrapeAfterOutage(t *testing.T) string {
	t.Helper()
	telemetry, scraped := exportTelemetry(t)
	k := forwardertest.NewKafka(t, forwardertest.WithTopic("events", 3))
	f, err := forwarder.New(t.Context(), k.Settings(), telemetry...)
	require.NoError(t, err)
	defer f.Close()

	require.NoError(t, f.Forward(t.Context(), parse(t, user, batch.CustomEvent, batch.UserAttributeChange)))
	fault := k.Silence()
	ctx, cancel := context.WithCancel(t.Context())
	told := make(chan error, 1)
	f.ForwardAsync(ctx, parse(t, user, batch.CustomEvent), func(err error) { told <- err })
	eventually(t, func() bool { return len(f.Stats().Waits) > 0 }, "a partition waits")
	during := scrape(t, scraped)
	cancel()
	require.Error(t, <-told)
	fault.Stop()
	eventually(t, func() bool {
		text := scrape(t, scraped)
		return strings.Contains(text, "eventferry_events_late_total{") && strings.Contains(text, "eventferry_partition_wait_duration_seconds_count{")
	}, "the outage is over")
	return during + scrape(t, scraped)
}

var (
	sample = regexp.MustCompile(`(?m)^([a-z_]+)(?:\{(.*)\})? `)
	label  = regexp.MustCompile(`([a-z_]+)="`)
)

// labelsOf returns the labels of each metric in a scrape, and those that Prometheus
// adds.
func labelsOf(text string) map[string]map[string]bool {
	found := map[string]map[string]bool{}
	for _, line := range sample.FindAllStringSubmatch(text, -1) {
		if found[line[1]] == nil {
			found[line[1]] = map[string]bool{"job": true, "instance": true}
		}
		for _, l := range label.FindAllStringSubmatch(line[2], -1) {
			found[line[1]][l[1]] = true
		}
	}
	return found
}

func boardQueries(t *testing.T) (queries []string) {
	t.Helper()
	text, err := os.ReadFile("../../dashboard.json")
	require.NoError(t, err)
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &board))
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			queries = append(queries, target.Expr)
		}
	}
	return queries
}

func alertQueries(t *testing.T) (queries []string) {
	t.Helper()
	text, err := os.ReadFile("../../alerts.yaml")
	require.NoError(t, err)
	var file struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	require.NoError(t, yaml.Unmarshal(text, &file))
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			queries = append(queries, r.Expr)
		}
	}
	return queries
}

func scrape(t *testing.T, s *httptest.Server) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, http.NoBody)
	require.NoError(t, err)
	resp, err := s.Client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text := new(strings.Builder)
	_, err = io.Copy(text, resp.Body)
	require.NoError(t, err)
	return text.String()
}
