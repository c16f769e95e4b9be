package results

import (
	"fmt"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
)

// writeFloor puts what no client can avoid next to what ours needs.
func (r *Results) writeFloor(d *document) {
	if len(r.Floor) == 0 {
		return
	}
	d.printf(`
## Floor

Processor time to compress, seal (AES-GCM) and write the same bytes with the
same codec libraries and nothing else, by how much is compressed together, next
to our producer and to the whole of Forward on one broker with groups.

`)
	d.head("bytes", "batch KiB", "floor µs", peer.Engine+" µs", "to floor", peer.Forward+" µs", "to floor")
	for _, f := range r.Floor {
		var floor []Measurement
		for _, v := range f.CPUMicros {
			floor = append(floor, Measurement{CPUMicros: v})
		}
		row := []string{f.Size + ", " + f.Codec, fmt.Sprint(f.BatchKiB), number(medianOf(floor, cpu), 1)}
		cells := r.cellsWhere(func(c Cell) bool {
			return c.oneBroker() && c.grouped() && c.Size == f.Size && c.Codec == f.Codec
		})
		for _, name := range []string{peer.Engine, peer.Forward} {
			var rounds []Measurement
			if len(cells) > 0 {
				rounds = cells[0].Rounds[name]
			}
			row = append(row, cpuOrFailure(rounds), RatioOf(rounds, floor, cpu).String())
		}
		d.row(row...)
	}
}

// cpuOrFailure is for tables with one number for each contender. That not even
// a round was made is no failure here: the work may not be part of a quick run.
func cpuOrFailure(rounds []Measurement) string {
	errors, whole := failures(rounds)
	switch {
	case len(rounds) == 0:
		return none
	case whole:
		return "failed: " + errors[0]
	case len(errors) > 0:
		return fmt.Sprintf("%s, %d of %d rounds failed: %s",
			number(medianOf(rounds, cpu), 1), len(errors), len(rounds), errors[0])
	}
	return number(medianOf(rounds, cpu), 1)
}

func (r *Results) writeGrowth(d *document) {
	for i, of := range r.growing() {
		if i == 0 {
			d.printf("\n## Growth\n\nProcessor time of a message in µs, as one thing grows; the rest is 9 KB, lz4, 64 callers with\none message each, 12 partitions and one broker 3.9.2. Three brokers are 4.3.1.\n")
		}
		steps := r.growthOf(of)
		names := contendersOf(steps)
		d.printf("\n### %s\n\n", plain(of))
		head := append([]string{of}, names...)
		d.head(append(head, peer.Engine+" to franz-go", peer.Forward+" to franz-go")...)
		for _, g := range steps {
			row := []string{fmt.Sprint(g.At)}
			for _, name := range names {
				row = append(row, cpuOrFailure(g.Rounds[name]))
			}
			base := g.Rounds[franz(g.Rounds)]
			d.row(append(row, RatioOf(g.Rounds[peer.Engine], base, cpu).String(),
				RatioOf(g.Rounds[peer.Forward], base, cpu).String())...)
		}
	}
}

func (r *Results) writeProfiles(d *document) {
	if len(r.Profiles) == 0 {
		return
	}
	d.printf("\n## Where our processor time goes\n\nShares of the process at 9 KB, in %%.\n\n")
	head := []string{"kind"}
	for _, p := range r.Profiles {
		head = append(head, p.Codec)
	}
	d.head(head...)
	for _, kind := range r.kinds() {
		row := []string{kind}
		for _, p := range r.Profiles {
			if share, ok := p.Shares[kind]; ok {
				row = append(row, number(100*share, 1))
			} else {
				row = append(row, none)
			}
		}
		d.row(row...)
	}
}
