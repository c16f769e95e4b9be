package results

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
)

func cpu(m Measurement) float64         { return m.CPUMicros }
func floorCPU(m Measurement) float64    { return m.FloorMicros }
func batchKiB(m Measurement) float64    { return m.BatchBytes / 1024 }
func rate(m Measurement) float64        { return m.Rate }
func allocations(m Measurement) float64 { return m.Allocations }
func peakMiB(m Measurement) float64     { return float64(m.PeakKiB) / 1024 }
func p50(m Measurement) float64         { return m.P50Micros / 1000 } // milliseconds, as all three
func p99(m Measurement) float64         { return m.P99Micros / 1000 }
func p999(m Measurement) float64        { return m.P999Micros / 1000 }

// order of contenders in each table and plot, ours first.
func order() []string {
	return append(producers(), wholeWay()...)
}

// producers are the contenders that are given ready-made messages or parsed
// batches, the ones that plots show.
func producers() []string {
	return []string{peer.Forward, peer.Stock, peer.Engine, peer.EngineAll, peer.Seam, peer.Franz, peer.FranzWait, peer.FranzLong, peer.Sarama, peer.Confluent, peer.Java}
}

// wholeWay are those that are given the bytes that a service has received.
func wholeWay() []string {
	return slices.Concat([]string{peer.FromBytes}, peer.ByHand(), []string{peer.Webhook}, peer.PostedByStructs())
}

// withoutWholeWay returns the rounds of all other contenders.
func withoutWholeWay(rounds map[string][]Measurement) map[string][]Measurement {
	others := maps.Clone(rounds)
	for _, name := range wholeWay() {
		delete(others, name)
	}
	return others
}

// sortedBy has the names of a map, those of the list first and as there.
func sortedBy[V any](m map[string]V, list []string) []string {
	place := func(name string) int {
		if i := slices.Index(list, name); i >= 0 {
			return i
		}
		return len(list)
	}
	return slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), strings.Compare(a, b))
	})
}

// franz is the linger of franz-go that needs less processor time here, by the
// median of the rounds: its users can choose, so we compare with the
// better choice. Empty where neither has a number.
func franz(rounds map[string][]Measurement) string {
	return best(rounds, cpu, less, peer.Lingers()...)
}

// best of some contenders by their median; empty where none has one.
func best(rounds map[string][]Measurement, of func(Measurement) float64, b better, names ...string) string {
	found, median := "", 0.0
	for _, name := range names {
		m := medianOf(rounds[name], of)
		if m > 0 && (found == "" || (m < median) == bool(b)) { // NaN is not above 0
			found, median = name, m
		}
	}
	return found
}

// cellsWhere has the cells that a condition holds for.
func (r *Results) cellsWhere(is func(Cell) bool) []Cell {
	var list []Cell
	for _, c := range r.Cells {
		if is(c) {
			list = append(list, c)
		}
	}
	return list
}

func (c Cell) oneBroker() bool { return strings.HasPrefix(c.Cluster, "1 x ") }

// grouped is whether callers hand over several messages at once and wait.
func (c Cell) grouped() bool {
	var callers, group int
	n, _ := fmt.Sscanf(c.Shape, "%d x %d", &callers, &group)
	return n == 2 && group > 1
}

// distinct names of a list, in the order of first appearance.
func distinct[T any](list []T, name func(T) string) []string {
	var names []string
	for _, v := range list {
		if !slices.Contains(names, name(v)) {
			names = append(names, name(v))
		}
	}
	return names
}

func codecOf(c Cell) string { return c.Codec }

// failures of a contender in words; whole where no round is left.
func failures(rounds []Measurement) (list []string, whole bool) {
	measured := 0
	for i, m := range rounds {
		if m.Error != "" {
			list = append(list, fmt.Sprintf("%s (round %d)", m.Error, i+1))
		} else if m != (Measurement{}) { // else a run had no such round
			measured++
		}
	}
	if measured == 0 && len(list) == 0 {
		return []string{"no rounds"}, true
	}
	return list, measured == 0
}

// kinds of work in the profiles, the largest first.
func (r *Results) kinds() []string {
	sum := map[string]float64{}
	for _, p := range r.Profiles {
		for kind, share := range p.Shares {
			sum[kind] += share
		}
	}
	return slices.SortedFunc(maps.Keys(sum), func(a, b string) int {
		return cmp.Or(cmp.Compare(sum[b], sum[a]), strings.Compare(a, b))
	})
}

// growthOf has the steps of one thing that grows, the smallest first.
func (r *Results) growthOf(of string) []Growth {
	var list []Growth
	for _, g := range r.Growth {
		if g.Of == of {
			list = append(list, g)
		}
	}
	slices.SortStableFunc(list, func(a, b Growth) int { return cmp.Compare(a.At, b.At) })
	return list
}

func (r *Results) growing() []string {
	return distinct(r.Growth, func(g Growth) string { return g.Of })
}

// contendersOf returns the contenders that take part in any step.
func contendersOf(steps []Growth) []string {
	all := map[string]bool{}
	for _, g := range steps {
		for name := range g.Rounds {
			all[name] = true
		}
	}
	return sortedBy(all, order())
}
