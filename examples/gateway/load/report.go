package main

import (
	"fmt"
	"strings"
	"time"
)

// A report is what a run has found.
type report struct {
	options options
	verdict verdict

	took, drained              time.Duration // of the posts; until Kafka had the rest
	confirmed                  int
	again                      int64
	starts                     int
	resets, kills, brokerKills int
	calm, all                  histogram
	used                       usage
	brokers                    time.Duration // processor time
}

func (r *report) fill(c *callers, f *faults, g *gateway) {
	for _, n := range c.confirmed {
		r.confirmed += n
	}
	r.again, r.calm, r.all = c.again.Load(), c.calm, c.all
	r.resets, r.kills, r.brokerKills = f.resets, f.kills, f.brokerKills
	r.used, r.starts = g.used, g.starts
}

// String returns the report as lines.
func (r *report) String() string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-24s "+format+"\n", append([]any{name}, args...)...)
	}
	each := func(x float64) float64 { return x / float64(max(1, r.confirmed)) }
	seconds := r.took.Seconds()
	v := r.verdict
	line("posts", "%d callers, %d users, for %v", r.options.callers, r.options.callers*r.options.users, r.took.Round(100*time.Millisecond))
	line("faults", "%d resets of all connections, %d kills of the gateway, %d kills of a broker", r.resets, r.kills, r.brokerKills)
	line("confirmed", "%d batches, %.0f a second; %d posts were not, and were repeated", r.confirmed, float64(r.confirmed)/seconds, r.again)
	line("in Kafka", "%d messages, %v after the last answer", v.read, r.drained.Round(100*time.Millisecond))
	line("promises", "lost %d, twice %d, out of order %d, misplaced %d, foreign %d, changed %d", v.lost, v.twice, v.outOfOrder, v.misplaced, v.foreign, v.changed)
	line("time until confirmed", "%s", &r.all)
	line("  away from faults", "%s", &r.calm)
	line("processor, gateway", "%.1f s, %.0f µs a batch, %d starts included", r.used.cpu.Seconds(), 1e6*each(r.used.cpu.Seconds()), r.starts)
	line("processor, brokers", "%.1f s, %.0f µs a batch", r.brokers.Seconds(), 1e6*each(r.brokers.Seconds()))
	line("syncs", "%.0f a second for stored batches, %.1f batches each", r.used.syncs/seconds, float64(r.confirmed)/max(1, r.used.syncs))
	line("requests to brokers", "%.0f a second, %.1f batches each", r.used.requests/seconds, float64(r.confirmed)/max(1, r.used.requests))
	line("bytes to the disk", "%.0f a batch, before what is noted about sending it", each(r.used.written))
	line("bytes to Kafka", "%.0f a batch, compressed, once for all replicas", each(r.used.sentBytes))
	return b.String()
}
