package results

import (
	"fmt"
	"strings"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
)

// Summary says in a table of five rows, and a paragraph, where we win, tie and
// lose. It is computed, so that it is no more cheerful than the numbers.
func (r *Results) Summary() string {
	d := new(document)
	d.printf("| Of a message | With | Win, tie, lose | Ratio: median (range) |\n|---|---|---|---|\n")
	engineTo := func(name string) func(Cell) Ratio {
		return func(c Cell) Ratio { return RatioOf(c.Rounds[peer.Engine], c.Rounds[name], cpu) }
	}
	r.writeRow(d, "Processor time, our producer", "franz-go with its better linger", func(r *Results) tally {
		return tallyOf(r.Cells, func(c Cell) Ratio { return engineTo(franz(c.Rounds))(c) }, less)
	})
	r.writeRow(d, "Messages a second, our producer", "the fastest producer for Go programs", func(r *Results) tally {
		return tallyOf(r.Cells, engineRateToFastest, more)
	})
	r.writeRow(d, "Processor time, our producer", "librdkafka, whose codecs are in C", func(r *Results) tally {
		return tallyOf(r.Cells, engineTo(peer.Confluent), less)
	})
	r.writeForwardRow(d)
	r.writeRow(d, "99th percentile of latency, our producer, 64 callers with one message each", "franz-go without linger", func(r *Results) tally {
		return tallyOf(r.cellsWhere(func(c Cell) bool { return c.Shape == "64 x 1" }),
			func(c Cell) Ratio { return RatioOf(c.Rounds[peer.Engine], c.Rounds[peer.Franz], p99) }, less)
	})

	java := tallyOf(r.cellsWhere(func(c Cell) bool { return len(c.Rounds[peer.Java]) > 0 }), engineTo(peer.Java), less)
	d.printf("\nLess is better, except for messages a second. The same for processor time and the Java producer: %s, ratio %s. %s. Measured in %s.\n",
		java.counts(), java.ratio(), r.barsMet(), r.whichRuns())
	return d.String()
}

// whichRuns tells the runs apart by their days, and by machine where that differs.
func (r *Results) whichRuns() string {
	var list []string
	for _, run := range r.each() {
		name, _, _ := strings.Cut(run.Began, "T")
		if run.Machine.CPU != r.each()[0].Machine.CPU {
			name += " on " + plain(run.Machine.CPU)
		}
		list = append(list, name)
	}
	if len(list) == 1 {
		return "one run, of " + list[0]
	}
	return fmt.Sprintf("%d runs, of %s", len(list), strings.Join(list, ", "))
}

// ratioByRun is the ratio of a row over the cells, and its median in each run where
// there are several.
func (r *Results) ratioByRun(tally func(*Results) tally) string {
	text := tally(r).ratio()
	if len(r.Runs) < 2 {
		return text
	}
	var list []string
	for _, run := range r.Runs {
		list = append(list, tally(run).median())
	}
	return text + "; by run " + strings.Join(list, ", ")
}

func (r *Results) writeRow(d *document, about, with string, tally func(*Results) tally) {
	d.row(about, with, tally(r).counts(), r.ratioByRun(tally))
}

// engineRateToFastest compares with whichever is fastest in a cell, whatever it
// costs.
func engineRateToFastest(c Cell) Ratio {
	name := best(c.Rounds, rate, more, append(peer.Lingers(), peer.Sarama, peer.Confluent)...)
	return RatioOf(c.Rounds[peer.Engine], c.Rounds[name], rate)
}

// writeForwardRow keeps the sizes apart: what Forward does before its producer
// weighs most on small messages.
func (r *Results) writeForwardRow(d *document) {
	var counts, ratios []string
	for _, size := range distinct(r.Cells, func(c Cell) string { return c.Size }) {
		of := func(r *Results) tally {
			return tallyOf(r.cellsWhere(func(c Cell) bool { return c.Size == size }),
				func(c Cell) Ratio { return RatioOf(c.Rounds[peer.Forward], c.Rounds[franz(c.Rounds)], cpu) }, less)
		}
		counts = append(counts, size+": "+of(r).counts())
		ratios = append(ratios, size+": "+r.ratioByRun(of))
	}
	if len(r.Cells) == 0 {
		counts, ratios = []string{notMeasured}, []string{none}
	}
	d.row("Processor time, the whole of Forward with every switch on: the first bar of the plot",
		"franz-go that is handed ready bytes", strings.Join(counts, "; "), strings.Join(ratios, "; "))
}

const notMeasured = "not measured in this run"

// A tally counts how we did in some cells. One that has no ratio, since either
// failed or took no part, is counted too.
type tally struct {
	won, tied, lost, without int
	medians                  []float64
}

func tallyOf(cells []Cell, ratio func(Cell) Ratio, b better) (t tally) {
	for _, c := range cells {
		r := ratio(c)
		switch {
		case r.N == 0:
			t.without++
			continue
		case r.Tie():
			t.tied++
		case (r.Median < 1) == bool(b):
			t.won++
		default:
			t.lost++
		}
		t.medians = append(t.medians, r.Median)
	}
	return t
}

func (t tally) counts() string {
	cells := t.without + len(t.medians)
	if cells == 0 {
		return notMeasured
	}
	s := fmt.Sprintf("%d, %d, %d of %d", t.won, t.tied, t.lost, cells)
	if t.without > 0 {
		s += fmt.Sprintf(", %d without a ratio", t.without)
	}
	return s
}

func (t tally) ratio() string {
	if len(t.medians) == 0 {
		return none
	}
	low, high := bounds(t.medians)
	return fmt.Sprintf("%s (%.2f–%.2f)", t.median(), low, high)
}

// median of the ratios of all cells.
func (t tally) median() string {
	_, median, _ := quartiles(t.medians)
	return number(median, 2)
}
