package results

import (
	"fmt"
	"strings"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
)

// Summary says in six lines of a Markdown list where we win, tie and lose.
// They are computed, so that none is more cheerful than the numbers.
func (r *Results) Summary() string {
	oursCPU := func(c Cell) Ratio { return RatioOf(c.Rounds[peer.Engine], c.Rounds[franz(c.Rounds)], cpu) }
	oursRate := func(c Cell) Ratio {
		// Here the fastest counts, whatever it costs.
		name := best(c.Rounds, rate, more, append(peer.Lingers(), peer.Sarama, peer.Confluent)...)
		return RatioOf(c.Rounds[peer.Engine], c.Rounds[name], rate)
	}
	oursTo := func(name string) func(Cell) Ratio {
		return func(c Cell) Ratio { return RatioOf(c.Rounds[peer.Engine], c.Rounds[name], cpu) }
	}
	withJava := r.cellsWhere(func(c Cell) bool { return len(c.Rounds[peer.Java]) > 0 })
	small := r.cellsWhere(func(c Cell) bool { return c.Size == "1 KiB" })
	waiting := r.cellsWhere(func(c Cell) bool { return c.Shape == "64 x 1" })
	lines := []string{
		"CPU of a message, our producer against franz-go with its better linger, less is better: " +
			tallyOf(r.Cells, oursCPU, less) + "; of those, 1 KiB " + tallyOf(small, oursCPU, less),
		"Messages/s, our producer against the fastest peer that Go programs can use, more is better: " +
			tallyOf(r.Cells, oursRate, more) + "; of those, 1 KiB " + tallyOf(small, oursRate, more),
		"CPU, our producer against librdkafka, whose codecs are in C: " + tallyOf(r.Cells, oursTo(peer.Confluent), less) +
			"; against Java: " + tallyOf(withJava, oursTo(peer.Java), less),
		"CPU of Forward, which filters and encodes a parsed batch, against franz-go that is handed ready bytes, 9 KB with zstd: " +
			r.wholeForward("64 x 10", "64 x 1"),
		"Latency p99 of 64 callers with one message each, our producer against franz-go without linger, less is better: " +
			tallyOf(waiting, func(c Cell) Ratio { return RatioOf(c.Rounds[peer.Engine], c.Rounds[peer.Franz], p99) }, less),
		r.barsMet(),
	}
	return "- " + strings.Join(lines, ".\n- ") + ".\n"
}

// tallyOf counts how we did in some cells. One that has no ratio, since either
// failed or took no part, is counted too.
func tallyOf(cells []Cell, ratio func(Cell) Ratio, b better) string {
	var won, tied, lost, without int
	var all []float64
	for _, c := range cells {
		r := ratio(c)
		switch {
		case r.N == 0:
			without++
			continue
		case r.Tie():
			tied++
		case (r.Median < 1) == bool(b):
			won++
		default:
			lost++
		}
		all = append(all, r.Median)
	}
	if len(cells) == 0 {
		return "not measured in this run"
	}
	s := fmt.Sprintf("win %d, tie %d, lose %d of %d cells", won, tied, lost, len(cells))
	if without > 0 {
		s += fmt.Sprintf(", %d without a ratio", without)
	}
	if len(all) > 0 {
		_, median, _ := quartiles(all)
		low, high := bounds(all)
		s += fmt.Sprintf(", ratios %.2f to %.2f, median %.2f", low, high, median)
	}
	return s
}

func (r *Results) wholeForward(shapes ...string) string {
	var list []string
	for _, shape := range shapes {
		cells := r.cellsWhere(func(c Cell) bool { return c.Size == "9 KB" && c.Codec == "zstd" && c.Shape == shape })
		if len(cells) == 0 {
			list = append(list, shape+" not measured")
		}
		for _, c := range cells {
			ratio := RatioOf(c.Rounds[peer.Forward], c.Rounds[franz(c.Rounds)], cpu)
			list = append(list, fmt.Sprintf("%s on %s %s", shape, plain(c.Cluster), ratio.verdict(less)))
		}
	}
	return strings.Join(list, "; ")
}
