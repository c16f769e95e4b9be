package judge

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// report writes what a run has found, and reports whether it has passed.
func (r *run) report(w io.Writer, title string) bool {
	t, _ := r.history.snapshot()
	c := r.checker
	passed := len(c.violations) == 0
	word := "PASSED"
	if !passed {
		word = "FAILED: " + strings.Join(c.verdict(), ", ")
	}
	printf(w, "%s, %s, seed %d: %s after %s\n", title, r.config.Candidate, r.config.Seed, word, time.Since(r.began).Round(time.Second))
	printf(w, "  in the log: %d messages with %d events of %d users and %d owners without user id\n",
		c.messages, c.events, r.config.Users, r.config.Keyless)
	printf(w, "  told: %d acknowledged (%d during faults, %d known already), %d not sent, %d unknown, %d never returned; %d late outcomes; errors: %s\n",
		t.Acknowledged, t.AckedInFaults, t.Duplicated, t.NotSent, t.Unknown, t.Batches-t.Returned, t.LateOutcomes, counts(r.history.causes))
	printf(w, "  faults that hit: %s\n", r.injector)
	printf(w, "  %d crashes; longest pause %s, longest batch %s; at the latest %s after its context a call has returned; quiet and fresh %s after healing\n",
		r.crashes, t.LongestPause.Round(time.Millisecond), t.LongestBatch.Round(time.Millisecond), t.LongestLeave.Round(time.Millisecond), r.healing.Round(time.Millisecond))
	if v := r.history.vitals; len(v) == 6 {
		printf(w, "  goroutines %d -> %d, open files %d -> %d, heap %.1f -> %.1f MiB\n", v[0], v[3], v[1], v[4], mib(v[2]), mib(v[5]))
	}
	for i, v := range c.violations {
		printf(w, "  %s: %s\n", v.Invariant, v.Text)
		if i == 0 {
			if err := r.history.show(w, v); err != nil {
				printf(w, "    %v\n", err)
			}
		}
	}
	return passed
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

func counts(m map[string]int) string {
	if len(m) == 0 {
		return "none"
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		list = append(list, fmt.Sprintf("%s %d", name, m[name]))
	}
	return strings.Join(list, ", ")
}

// checkSomething is I11: a run in which nothing happened proves nothing.
func (r *run) checkSomething() {
	t, _ := r.history.snapshot()
	need := func(what string, n, least int) {
		if n < least {
			r.checker.add(I11, nowhere(), "%d %s, %d are needed", n, what, least)
		}
	}
	r.checkFailed()
	if t.LongestLeave > leavePatience {
		r.checker.add(I9, nowhere(), "a call returned %s after the end of its context", t.LongestLeave)
	}
	hits, _ := r.injector.hits()
	if r.ground.script != nil {
		return // it has found out by itself, on a load too small for the rest
	}
	need("faults that hit", hits, r.goals.Faults)
	need("messages acknowledged during faults", t.AckedInFaults, progressInFaults)
	need("outcomes that were unknown at first", t.LateOutcomes, 1)
	need("batches not sent", t.NotSent, 1)
}

// checkFailed is [Retry].
func (r *run) checkFailed() {
	for _, at := range r.history.failed {
		id := r.history.owners[at.owner][at.n-1].id
		if r.excused == nil || !r.excused(r.config.Shape(id)) {
			r.checker.add(Retry, at, "owner %d number %d was told that delivery had failed", at.owner, at.n)
		}
	}
}

// printf writes for people; if nobody reads, the verdict is still an error.
func printf(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
