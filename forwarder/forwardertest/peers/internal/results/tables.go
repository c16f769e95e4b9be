package results

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Markdown is everything that the runs found, as a document of tables.
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
	d.printf("# Results\n\n")
	if r.Quick {
		d.printf("Quick runs: a few kinds of work only, to see that all works.\n\n")
	}
	d.head("run", "minutes", "machine", "noise", "code")
	for _, run := range r.each() {
		d.row(run.Began, number(run.Minutes, 0), fmt.Sprintf("%s, %d cores, %s", run.Machine.CPU, run.Machine.Cores, run.Machine.OS),
			fmt.Sprintf("%.1f %%", 100*run.Machine.Noise), cmp.Or(run.Code.String(), none))
	}
	d.printf("\nNoise is the distance of the 10th and the 90th percentile of a fixed piece of work,\n" +
		"timed on the clients' core before each round of each kind, to its median.\n\n")
	if command := r.each()[0].Command; command != "" {
		d.printf("- Command: `%s`\n", plain(command))
	}
	var versions []string
	for _, name := range slices.Sorted(maps.Keys(r.Versions)) {
		versions = append(versions, plain(name+" "+r.Versions[name]))
	}
	d.printf("- Versions: %s\n", strings.Join(versions, ", "))
	d.printf("%s", method)
}

// each returns the runs that r is made of.
func (r *Results) each() []*Results {
	if len(r.Runs) == 0 {
		return []*Results{r}
	}
	return r.Runs
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
