package results

import (
	"math"
	"slices"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
)

// Rows is how many rows of bars there are, from 1 on.
const Rows = 13

// A target is a figure that ours are to reach on one broker.
type target struct {
	row   int
	who   string // ours
	stock string // the same with our adapter to AsyncProducer; none if empty
	works []work // of several the geometric mean counts
	to    reference
	words string
	of    func(Measurement) float64
	limit float64
	better
}

// work is what a cell is about.
type work struct{ size, codec, shape string }

// A reference is what a figure is relative to. Its rounds are a contender's own
// where it is what that one could reach.
type reference struct {
	words string
	names []string
	find  func(rounds map[string][]Measurement, of string) []Measurement
}

func betterLinger() reference {
	return reference{"franz-go with its better linger", peer.Lingers(),
		func(rounds map[string][]Measurement, _ string) []Measurement { return rounds[franz(rounds)] }}
}

func noLinger() reference {
	return reference{"franz-go without linger", []string{peer.Franz},
		func(rounds map[string][]Measurement, _ string) []Measurement { return rounds[peer.Franz] }}
}

// fastest is of those that are written in Go.
func fastest() reference {
	names := append(peer.Lingers(), peer.Sarama)
	return reference{"the fastest of franz-go and AsyncProducer", names,
		func(rounds map[string][]Measurement, _ string) []Measurement {
			return rounds[best(rounds, rate, more, names...)]
		}}
}

// byHand is what a user would write instead, with the better linger.
func byHand(words string, names []string, of func(Measurement) float64, b better) reference {
	return reference{words, names, func(rounds map[string][]Measurement, _ string) []Measurement {
		return rounds[best(rounds, of, b, names...)]
	}}
}

func floorOfItsBatches() reference {
	return reference{"the floor with batches as large", nil,
		func(rounds map[string][]Measurement, of string) []Measurement {
			var list []Measurement
			for _, m := range rounds[of] {
				list = append(list, Measurement{CPUMicros: floorCPU(m), Error: m.Error})
			}
			return list
		}}
}

// targets by row. A limit of 1 is "no worse", which a tie is not.
func targets() []target {
	nine := func(codec string) []work { return []work{{"9 KB", codec, "64 x 10"}} }
	one := func(codec string) []work { return []work{{"1 KiB", codec, "64 x 100"}} }
	single := func(codec string) []work { return []work{{"9 KB", codec, "64 x 1"}} }
	producer := func(row int, works []work, to reference, limit float64) target {
		return target{row, peer.Engine, peer.Seam, works, to, "CPU", cpu, limit, less}
	}
	list := []target{
		producer(1, nine("zstd"), betterLinger(), 0.95),
		producer(1, nine("zstd"), floorOfItsBatches(), 1.15),
		producer(2, nine("lz4"), betterLinger(), 0.95),
		producer(2, nine("lz4"), floorOfItsBatches(), 1.2),
		producer(3, nine("none"), betterLinger(), 1.05),
		producer(4, one("zstd"), betterLinger(), 0.8),
		producer(5, one("lz4"), betterLinger(), 0.9),
		producer(6, one("none"), betterLinger(), 1.35),
	}
	var all []work
	for _, t := range list {
		if !slices.Contains(all, t.works[0]) {
			all = append(all, t.works[0])
		}
	}
	for _, codec := range []string{"zstd", "lz4"} {
		list = append(list,
			target{7, peer.Engine, peer.Seam, single(codec), noLinger(), "messages/s", rate, 1.05, more},
			target{7, peer.Engine, peer.Seam, single(codec), noLinger(), "p99", p99, 1, less})
	}
	list = append(list, target{8, peer.Engine, peer.Seam, all, fastest(), "messages/s", rate, 1.1, more})
	whole := func(row int, stock string, works []work, limit float64) target {
		return target{row, peer.Forward, stock, works, betterLinger(), "CPU of Forward", cpu, limit, less}
	}
	list = append(list, whole(9, peer.Stock, nine("zstd"), 1.12), whole(9, peer.Stock, single("zstd"), 1.12),
		whole(9, "", []work{{"9 KB", "zstd", "pipeline"}}, 1.12))
	structs := func(of func(Measurement) float64, b better) reference {
		return byHand("encoding/json, structs and franz-go", peer.ByStructs(), of, b)
	}
	const fromBytes = "of the whole way from bytes"
	for _, works := range [][]work{nine("zstd"), one("zstd")} {
		list = append(list,
			target{10, peer.FromBytes, "", works, structs(cpu, less), "CPU " + fromBytes, cpu, 0.5, less},
			target{10, peer.FromBytes, "", works, structs(rate, more), "messages/s " + fromBytes, rate, 1.8, more},
			target{11, peer.FromBytes, "", works, byHand("the best JSON library and franz-go", peer.ByHand(), cpu, less), "CPU " + fromBytes, cpu, 0.8, less})
	}
	list = append(list, whole(13, "", one("none"), 1.8), whole(13, "", one("lz4"), 1.3), whole(13, "", one("zstd"), 1.25))
	return append(list, target{12, peer.Webhook, "", single("zstd"),
		byHand("encoding/json, structs and franz-go behind net/http", peer.PostedByStructs(), cpu, less),
		"CPU of the webhook, clients included", cpu, 0.7, less})
}

// Wanted are the contenders that these rows need for some work; none if they
// are not about it.
func Wanted(rows []int, size, codec, shape string) []string {
	wanted := map[string]bool{}
	for _, t := range targets() {
		if !slices.Contains(rows, t.row) || !slices.Contains(t.works, work{size, codec, shape}) {
			continue
		}
		wanted[t.who] = true
		if t.stock != "" {
			wanted[t.stock] = true
		}
		for _, name := range t.to.names {
			wanted[name] = true
		}
	}
	return sortedBy(wanted, order())
}

// figure is what a target says of some contender.
func (r *Results) figure(t target, who string) Ratio {
	return r.mean(t, func(c Cell) []Measurement { return c.Rounds[who] },
		func(c Cell) []Measurement { return t.to.find(c.Rounds, who) })
}

// between is a target's number of one contender to that of another.
func (r *Results) between(t target, a, b string) Ratio {
	return r.mean(t, func(c Cell) []Measurement { return c.Rounds[a] }, func(c Cell) []Measurement { return c.Rounds[b] })
}

// mean is the geometric one within each round, over all of a target's work. A
// round in which some is missing does not count.
func (r *Results) mean(t target, a, b func(Cell) []Measurement) Ratio {
	var logs [][]float64 // by round, of the work there is
	for _, w := range t.works {
		cells := r.cellsWhere(func(c Cell) bool { return c.oneBroker() && work{c.Size, c.Codec, c.Shape} == w })
		if len(cells) == 0 {
			return Ratio{}
		}
		of, to := a(cells[0]), b(cells[0])
		for round := range min(len(of), len(to)) {
			if round == len(logs) {
				logs = append(logs, nil)
			}
			if counts(of[round], t.of) && counts(to[round], t.of) {
				logs[round] = append(logs[round], math.Log(t.of(of[round])/t.of(to[round])))
			}
		}
	}
	var means []float64
	for _, l := range logs {
		if len(l) == len(t.works) {
			sum := 0.0
			for _, v := range l {
				sum += v
			}
			means = append(means, math.Exp(sum/float64(len(l))))
		}
	}
	return ratioOf(means)
}
