package results

import (
	"fmt"
	"slices"
	"strings"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
)

// A Bar is a figure that ours are to reach. Several make one row, which is met
// when they all are.
type Bar struct {
	Row   int
	About string
	Limit string
	Ours  Ratio
	Met   bool // not where Ours has no number

	// The same figure of the adapter to AsyncProducer, and how ours compares to
	// it and to AsyncProducer alone. No numbers where they have no such figure.
	Adapter, ToAdapter, ToAsync Ratio

	ByRun []Ratio // Ours of each run, where there are several

	better better
}

// Bars has all bars, also those that nothing was measured for.
func (r *Results) Bars() []Bar {
	var bars []Bar
	for _, t := range targets() {
		b := Bar{Row: t.row, About: t.about(), Limit: t.bound(), Ours: r.figure(t, t.who), Adapter: r.figure(t, t.stock), better: t.better}
		b.Met = t.metBy(b.Ours)
		for _, run := range r.Runs {
			b.ByRun = append(b.ByRun, run.figure(t, t.who))
		}
		if len(t.to.names) > 0 { // each has its own floor, and their processor time is compared in the line before
			b.ToAdapter = r.between(t, t.who, t.stock)
		}
		if len(t.to.names) > 0 && t.who == peer.Engine { // Forward has more to do
			b.ToAsync = r.between(t, t.who, peer.Sarama)
		}
		bars = append(bars, b)
	}
	return bars
}

func (t target) about() string {
	text := fmt.Sprintf("%d: %s to %s, ", t.row, t.words, t.to.words)
	if len(t.works) > 1 {
		return text + "geometric mean of rows 1 to 6"
	}
	w := t.works[0]
	return text + w.size + ", " + w.codec + ", " + w.shape
}

func (t target) bound() string {
	switch {
	case t.limit == 1:
		return "no worse"
	case t.better == less:
		return fmt.Sprintf("≤ %.2f", t.limit)
	}
	return fmt.Sprintf("≥ %.2f", t.limit)
}

func (t target) metBy(r Ratio) bool {
	if r.N == 0 {
		return false
	}
	if t.limit == 1 && r.N > 1 && r.Tie() {
		return true
	}
	return r.Median == t.limit || (r.Median < t.limit) == bool(t.better)
}

// plainly is a ratio without the word tie, which is of no use next to a limit
// that is not 1.
func (r Ratio) plainly() string {
	if r.N == 0 {
		return none
	}
	return fmt.Sprintf("%.2f %s", r.Median, r.spread())
}

func (b Bar) metWord() string {
	switch {
	case b.Ours.N == 0:
		return none
	case b.Met:
		return "yes"
	}
	return "no"
}

func (r *Results) writeBars(d *document) {
	d.printf(`
## Bars

These are figures that our producer and the whole of Forward shall reach on one
broker, next to our adapter to AsyncProducer and to AsyncProducer alone. A row
counts as met when all of its lines are. A floor is measured right after the producer that is
compared with it, with batches of as many bytes as that one has sent on average.

`)
	d.head("row", "bar", "ours", "by run", "met", "adapter", "ours to adapter", "ours to AsyncProducer")
	for _, b := range r.Bars() {
		d.row(b.About, b.Limit, b.Ours.plainly(), medians(b.ByRun), b.metWord(), b.Adapter.plainly(), b.ToAdapter.String(), b.ToAsync.String())
	}
}

// barsMet sums the bars up in one sentence.
func (r *Results) barsMet() string {
	var met, not, without rowList
	bars := r.Bars()
	for row := 1; row <= Rows; row++ {
		whole, measured := true, true
		for _, b := range bars {
			if b.Row == row {
				whole, measured = whole && b.Met, measured && b.Ours.N > 0
			}
		}
		switch {
		case !measured:
			without = append(without, row)
		case whole:
			met = append(met, row)
		default:
			not = append(not, row)
		}
	}
	text := fmt.Sprintf("Of the project's %d targets (rows of Bars in results.md), met: %s; not met: %s", Rows, met, not)
	if len(without) > 0 {
		text += "; not measured: " + without.String()
	}
	for _, than := range []struct {
		name string
		of   func(Bar) Ratio
	}{
		{"our adapter to AsyncProducer", func(b Bar) Ratio { return b.ToAdapter }},
		{"AsyncProducer alone", func(b Bar) Ratio { return b.ToAsync }},
	} {
		if worse := worseThan(bars, than.of); len(worse) > 0 {
			text += "; worse than " + than.name + ": " + worse.String()
		}
	}
	return text
}

// worseThan returns the rows in which ours are worse than something.
func worseThan(bars []Bar, of func(Bar) Ratio) (worse rowList) {
	for _, b := range bars {
		r := of(b)
		if r.N > 0 && !r.Tie() && (r.Median > 1) == bool(b.better) && !slices.Contains(worse, b.Row) {
			worse = append(worse, b.Row)
		}
	}
	return worse
}

type rowList []int

func (l rowList) String() string {
	if len(l) == 0 {
		return "none"
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint([]int(l)), " ", ", "), "[]")
}
