//go:build unix

package cost

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/settings"
)

// The limits that BenchmarkRequestLimit compares: the default, and one that no
// request reaches.
const (
	defaultLimit = 1_040_000
	noLimit      = 100_000_000
)

// limitShapes are loads of which requests are small, middling and as large as they
// become.
func limitShapes() []shape { return []shape{{64, 1}, {8, 10}, {16, 32}} }

// BenchmarkRequestLimit_apache measures what the default of
// delivery.max_request_bytes costs: one engine with it and one without a limit take
// turns in one process.
func BenchmarkRequestLimit_apache(b *testing.B) {
	c, err := apachekafka.Start(b.Context())
	apachekafka.SkipOrFail(b, err)
	b.Cleanup(c.Close)
	for i, s := range limitShapes() {
		b.Run(s.String(), func(b *testing.B) {
			topic := "limits" + strconv.Itoa(i)
			require.NoError(b, c.CreateTopic(b.Context(), topic, 12, nil))
			compareLimits(b, c.Settings(topic), s)
		})
	}
}

// BenchmarkRequestLimit is the same with an embedded Kafka.
func BenchmarkRequestLimit(b *testing.B) {
	for _, s := range limitShapes() {
		b.Run(s.String(), func(b *testing.B) { compareLimits(b, otherProcess(b, oneBroker), s) })
	}
}

func compareLimits(b *testing.B, to settings.Settings, s shape) {
	messages := make([]producer.Message, 0, distinct)
	for i, value := range inputs() {
		messages = append(messages, producer.Message{Key: strconv.AppendInt(nil, int64(i+1), 10), Value: value})
	}
	var ways []*way
	for _, limit := range []int{noLimit, defaultLimit} {
		to.Delivery.MaxRequestBytes = limit
		w := fromSeam(s, newProducer(b, to), messages)
		w.name = fmt.Sprintf("%d bytes", limit)
		require.NoError(b, w.measure(s)) // connections, and what compression needs
		w.cost, w.took = nil, nil
		ways = append(ways, w)
	}
	for b.Loop() {
		for round := range rounds {
			for i := range ways {
				require.NoError(b, ways[(round+i)%len(ways)].measure(s))
			}
		}
	}
	reportLimits(b, ways[0], ways[1])
}

// reportLimits prints the ratios of rounds, as medians and quartiles: what is
// between the quartiles of two equal ways is noise.
func reportLimits(b *testing.B, without, with *way) {
	var table strings.Builder
	fmt.Fprintf(&table, "\n%d rounds of %d messages of about 9 KB; %s to %s; %d processors\n", len(with.cost), each, with.name, without.name, runtime.NumCPU())
	for _, of := range []struct {
		what        string
		above, unit []time.Duration
	}{{"processor time", with.cost, without.cost}, {"duration", with.took, without.took}} {
		ratios := make([]float64, len(of.above))
		for i := range ratios {
			ratios[i] = float64(of.above[i]) / float64(of.unit[i])
		}
		slices.Sort(ratios)
		half := len(ratios) / 2
		fmt.Fprintf(&table, "  %-15s x %.3f (%.3f to %.3f)\n", of.what, ratios[half], ratios[half/2], ratios[half+half/2])
		b.ReportMetric(ratios[half], strings.ReplaceAll(of.what, " ", "-")+"-ratio")
	}
	b.ReportMetric(0, "ns/op") // of no meaning here
	fmt.Fprintln(os.Stdout, table.String())
}
