package results

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
)

// Text is small tables of everything for a terminal, with medians and without
// quartiles, and the bars that there are numbers for.
func (r *Results) Text() string {
	var s strings.Builder
	for _, c := range r.Cells {
		c.writeText(&s)
	}
	w := tabwriter.NewWriter(&s, 0, 0, 2, ' ', 0)
	head := "\nbar\t\tours\tmet\tadapter\tours to adapter\n"
	for _, b := range r.Bars() {
		if b.Ours.N == 0 && b.Adapter.N == 0 {
			continue
		}
		_, _ = fmt.Fprintf(w, "%s%s\t%s\t%s\t%s\t%s\t%s\n", head, b.About, b.Limit, b.Ours.plainly(), b.metWord(), b.Adapter.plainly(), b.ToAdapter)
		head = ""
	}
	_ = w.Flush() // a Builder takes everything
	return s.String()
}

// writeText compares with franz-go twice: with a linger of 5 ms, and with the
// one that is best in this column.
func (c Cell) writeText(s *strings.Builder) {
	cheap := franz(c.Rounds)
	fast := best(c.Rounds, rate, more, peer.Lingers()...)
	_, _ = fmt.Fprintf(s, "\n%s, %s, %s, %s\n", c.Cluster, c.Size, c.Codec, c.Shape)
	w := tabwriter.NewWriter(s, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(w, "\tCPU µs\tto %s\tto best, %s\tmessages/s\tto %s\tto best, %s\tp99 ms\tbatch KiB\tfloor µs\tCPU to floor\t\n",
		peer.FranzWait, orNone(cheap), peer.FranzWait, orNone(fast))
	var failed []string
	for _, name := range sortedBy(c.Rounds, order()) {
		rounds := c.Rounds[name]
		errors, _ := failures(rounds)
		over := func(base []Measurement, of func(Measurement) float64) string {
			if r := RatioOf(rounds, base, of); r.N > 0 {
				return number(r.Median, 2)
			}
			return none
		}
		to := func(base string, of func(Measurement) float64) string { return over(c.Rounds[base], of) }
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", name,
			number(medianOf(rounds, cpu), 1), to(peer.FranzWait, cpu), to(cheap, cpu),
			number(medianOf(rounds, rate), 0), to(peer.FranzWait, rate), to(fast, rate),
			number(medianOf(rounds, p99), 2), number(medianOf(rounds, batchKiB), 0), number(medianOf(rounds, floorCPU), 1),
			over(floorOfItsBatches().find(c.Rounds, name), cpu))
		for _, e := range errors {
			failed = append(failed, name+" failed: "+e+"\n")
		}
	}
	_ = w.Flush()
	s.WriteString(c.requestLimit())
	s.WriteString(strings.Join(failed, ""))
}

// requestLimit compares our producer with itself without its default limit of a
// request; empty where it was not measured so.
func (c Cell) requestLimit() string {
	with, without := c.Rounds[peer.Engine], c.Rounds[peer.EngineAll]
	used := RatioOf(with, without, cpu)
	if used.N == 0 {
		return ""
	}
	return fmt.Sprintf("default delivery.max_request_bytes to 2 MiB, %d rounds: CPU %.3f (%.3f–%.3f), messages/s %s, p99 %s\n",
		used.N, used.Median, used.Low, used.High, RatioOf(with, without, rate), RatioOf(with, without, p99))
}

func orNone(name string) string {
	if name == "" {
		return none
	}
	return name
}
