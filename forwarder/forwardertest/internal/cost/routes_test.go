//go:build unix

package cost

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

const (
	routeCount      = 10
	routePartitions = 12
)

// The topics of the benchmark: one for each route, and two that take all.
const (
	fewPartitions  = "few"  // as many as one of the routes' topics
	manyPartitions = "many" // as many as all of them
)

func routeTopic(i int) string { return "route" + strconv.Itoa(i) }

func routesCluster() []forwardertest.KafkaOption {
	opts := []forwardertest.KafkaOption{
		forwardertest.WithBrokers(3),
		forwardertest.WithTopic(fewPartitions, routePartitions), forwardertest.WithTopic(manyPartitions, routeCount*routePartitions),
	}
	for i := range routeCount {
		opts = append(opts, forwardertest.WithTopic(routeTopic(i), routePartitions))
	}
	return opts
}

// BenchmarkRoutes compares the same load over ten topics, by [forwarder.NewRoutes],
// to one topic, on three brokers. It asserts nothing, as all here.
//
//	go test -run '^$' -bench Routes ./forwarder/forwardertest/internal/cost
//
// On two busy cores of an AMD EPYC it printed, for 64 callers with one batch each and
// for 8 callers with groups of 10:
//
//	one topic of 12 partitions    1
//	one topic of 120 partitions   1.13 and 1.17
//	ten topics of 12 partitions   1.23 and 1.23
//
// With connections and requests of its own for each topic the last line was 1.64 and
// 1.60.
func BenchmarkRoutes(b *testing.B) {
	for _, s := range []shape{{64, 1}, {8, 10}} {
		b.Run(fmt.Sprintf("%d callers, groups of %d", s.callers, s.group), func(b *testing.B) {
			to := otherProcess(b, routesBrokers)
			ways := []*way{
				toOne(b, "one topic of 12 partitions", to, fewPartitions),
				toOne(b, "one topic of 120 partitions", to, manyPartitions),
				toRoutes(b, "one route", to, []forwarder.Route{{Topic: fewPartitions}}),
				toRoutes(b, "ten topics of 12 partitions", to, tenRoutes()),
			}
			for b.Loop() {
				for round := range rounds {
					for i := range ways {
						require.NoError(b, ways[(round+i)%len(ways)].measure(s))
					}
				}
			}
			reportRoutes(b, ways)
		})
	}
}

// tenRoutes choose by the environment.
func tenRoutes() []forwarder.Route {
	var list []forwarder.Route
	for i := range routeCount {
		list = append(list, forwarder.Route{Topic: routeTopic(i), Environment: environmentOf(i)})
	}
	return list
}

func environmentOf(i int) string { return fmt.Sprintf("environment%d", i%routeCount) }

// spread are the inputs, each tenth of one environment.
func spread(b *testing.B) []*batch.Batch {
	list := parsed(b)
	for i := range list {
		require.NoError(b, list[i].At("environment").Set(environmentOf(i)))
	}
	return list
}

func toOne(b *testing.B, name string, to settings.Settings, topic string) *way {
	to.TopicName = topic
	f, err := forwarder.New(b.Context(), to)
	require.NoError(b, err)
	return through(b, name, f)
}

func toRoutes(b *testing.B, name string, to settings.Settings, routes []forwarder.Route) *way {
	to.TopicName = ""
	f, err := forwarder.NewRoutes(b.Context(), to, routes)
	require.NoError(b, err)
	return through(b, name, f)
}

func through(b *testing.B, name string, f *forwarder.Forwarder) *way {
	b.Cleanup(func() { _ = f.Close() })
	batches := spread(b)
	return &way{name: name, run: func(_, from, n int) error { return forward(b.Context(), f, batches[from:from+n]) }}
}

// reportRoutes prints medians and quartiles; the first way is what the others are
// compared with.
func reportRoutes(b *testing.B, ways []*way) {
	var table strings.Builder
	fmt.Fprintf(&table, "\n%d interleaved rounds of %d batches; processor time of the client's process\n", len(ways[0].cost), each)
	for _, w := range ways {
		fmt.Fprintf(&table, "  %-30s %s\n", w.name, w.comparedTo(ways[0]))
	}
	table.WriteString("  Ten topics should cost at most 1.30 of one\n")
	b.ReportMetric(0, "ns/op") // of no meaning here
	fmt.Fprintln(os.Stdout, table.String())
}

// comparedTo tells what a batch costs by this way, and the ratio to another way.
func (w *way) comparedTo(other *way) string {
	ratios := make([]float64, len(w.cost))
	for i := range ratios {
		ratios[i] = float64(w.cost[i]) / float64(other.cost[i])
	}
	slices.Sort(ratios)
	half := len(ratios) / 2
	median := func(list []time.Duration) time.Duration { return slices.Sorted(slices.Values(list))[half] }
	return fmt.Sprintf("%7.1f µs a batch   x %.2f (%.2f to %.2f)   %6.0f batches/s",
		float64(median(w.cost).Nanoseconds())/1000, ratios[half], ratios[half/2], ratios[half+half/2], each/median(w.took).Seconds())
}
