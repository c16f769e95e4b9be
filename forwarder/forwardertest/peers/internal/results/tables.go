package results

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Markdown is everything that a run found, as a document of tables.
func (r *Results) Markdown() string {
	d := new(document)
	r.writeHead(d)
	r.writeBars(d)
	for _, cluster := range distinct(r.Cells, func(c Cell) string { return c.Cluster }) {
		d.printf("\n## Kafka %s\n", plain(cluster))
		for _, c := range r.cellsWhere(func(c Cell) bool { return c.Cluster == cluster }) {
			c.writeTable(d)
		}
	}
	r.writeFloor(d)
	r.writeGrowth(d)
	r.writeProfiles(d)
	return d.String()
}

func (r *Results) writeHead(d *document) {
	kind := "Whole run"
	if r.Quick {
		kind = "Quick run: a few kinds of work only, to see that all works"
	}
	d.printf("# Results\n\n%s. Began %s, took %.0f minutes.\n\n", kind, plain(r.Began), r.Minutes)
	if r.Command != "" {
		d.printf("- Command: `%s`\n", plain(r.Command))
	}
	if text := r.Code.String(); text != "" {
		d.printf("- Code: %s\n", plain(text))
	}
	d.printf("- Machine: %s, %d cores, %s\n", plain(r.Machine.CPU), r.Machine.Cores, plain(r.Machine.OS))
	d.printf("- Noise: %.1f %%, the distance of the 10th and the 90th percentile of a fixed piece of work, timed on the clients' core before each round of each kind, to its median\n",
		100*r.Machine.Noise)
	var versions []string
	for _, name := range slices.Sorted(maps.Keys(r.Versions)) {
		versions = append(versions, plain(name+" "+r.Versions[name]))
	}
	d.printf("- Versions: %s\n", strings.Join(versions, ", "))
	d.printf("%s", method)
}

func (c Cell) writeTable(d *document) {
	d.printf("\n### %s, %s, %s\n\n", plain(c.Size), plain(c.Codec), plain(c.Shape))
	base := franz(c.Rounds)
	to := base
	if base == "" {
		to = "franz-go, which has no numbers here"
	}
	d.head("contender", "messages/s", "CPU µs", "CPU to "+to, "messages/s to "+to,
		"allocations", "peak MiB", "p50 ms", "p99 ms", "p999 ms")
	var failed []string
	for _, name := range sortedBy(c.Rounds, order()) {
		rounds := c.Rounds[name]
		errors, whole := failures(rounds)
		if whole {
			d.row(name, "failed: "+errors[0], none, none, none, none, none, none, none, none)
			errors = errors[1:]
		} else {
			d.row(name, number(medianOf(rounds, rate), 0), number(medianOf(rounds, cpu), 1),
				toBase(c.Rounds, name, base, cpu), toBase(c.Rounds, name, base, rate),
				number(medianOf(rounds, allocations), 1), number(medianOf(rounds, peakMiB), 0),
				number(medianOf(rounds, p50), 2), number(medianOf(rounds, p99), 2), number(medianOf(rounds, p999), 2))
		}
		for _, e := range errors {
			failed = append(failed, fmt.Sprintf("- %s failed: %s\n", name, plain(e)))
		}
	}
	if len(failed) > 0 {
		d.printf("\n%s", strings.Join(failed, ""))
	}
}

// toBase is the ratio to whom all are compared with, which has none itself.
func toBase(rounds map[string][]Measurement, name, base string, of func(Measurement) float64) string {
	if name == base {
		return "1"
	}
	return RatioOf(rounds[name], rounds[base], of).String()
}
