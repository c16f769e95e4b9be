package judge

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/trace"
)

// report writes what a run has found, and reports whether it has passed. A run that
// could not go to its end has found nothing wrong at best.
func (r *run) report(w io.Writer, title string, ended error) bool {
	t, _ := r.history.snapshot()
	c := r.checker
	passed := len(c.violations) == 0 && ended == nil
	word := "PASSED"
	switch {
	case len(c.violations) > 0:
		word = "FAILED: " + strings.Join(c.verdict(), ", ")
	case ended != nil:
		word = "NOT FINISHED"
	}
	printf(w, "%s, %s, seed %d: %s after %s\n", title, r.config.Candidate, r.config.Seed, word, time.Since(r.began).Round(time.Second))
	printf(w, "  in the log: %d messages with %d events of %d users and %d owners without user id\n",
		c.messages, c.events, r.config.Users, r.config.Keyless)
	printf(w, "  told: %d acknowledged (%d during faults, %d known already), %d not sent, %d unknown, %d never returned; %d late outcomes; errors: %s\n",
		t.Acknowledged, t.AckedInFaults, t.Duplicated, t.NotSent, t.Unknown, t.Batches-t.Returned, t.LateOutcomes, counts(r.history.causes))
	r.reportRoutes(w)
	if c.door && r.history.spool == nil {
		printf(w, "  behind the door: %d messages twice, since Kafka could not tell whether it had them\n", c.doubted)
	}
	printf(w, "  faults that hit: %s\n", r.injector)
	printf(w, "  %d crashes; longest pause %s, longest batch %s; at the latest %s after its context a call has returned; quiet and fresh %s after healing\n",
		r.crashes.Load(), t.LongestPause.Round(time.Millisecond), t.LongestBatch.Round(time.Millisecond), t.LatestReturn.Round(time.Millisecond), r.healing.Round(time.Millisecond))
	r.reportSpool(w)
	if v := r.history.resources; len(v) == 6 {
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

// checkCoverage is NothingHappened: a run in which nothing happened proves nothing.
func (r *run) checkCoverage() {
	t, _ := r.history.snapshot()
	need := func(what string, n, least int) {
		if n < least {
			r.checker.add(NothingHappened, noAttempt(), "%d %s, %d are needed", n, what, least)
		}
	}
	r.checkGaveUp()
	r.checkHeld()
	if t.LatestReturn > returnTimeout {
		r.checker.add(NoProgress, noAttempt(), "a call returned %s after the end of its context", t.LatestReturn)
	}
	hits, _ := r.injector.hits()
	if r.testbed.script != nil {
		return // it has found out by itself, on a load too small for the rest
	}
	need("faults that hit", hits, r.goals.Faults)
	need("messages acknowledged during faults", t.AckedInFaults, progressInFaults)
	r.checkRoutesCoverage(need)
	if r.history.spool != nil {
		r.checkSpoolCoverage(need)
		return
	}
	if r.checker.door {
		need("batches posted again", r.history.causes[load.Repeated], 1)
	} else {
		need("outcomes that were unknown at first", t.LateOutcomes, 1)
	}
	need("batches not sent", t.NotSent, 1)
}

// checkGaveUp is [GaveUp].
func (r *run) checkGaveUp() {
	for _, at := range r.history.failed {
		a := &r.history.owners[at.owner][at.n-1]
		if r.excused != nil && r.excused(r.config.Shape(a.id)) {
			continue
		}
		returned := r.began.Add(time.Duration(a.until) * time.Millisecond)
		if r.injector.excuses(a.outcome, returned) {
			continue
		}
		r.checker.add(GaveUp, at, "owner %d number %d was told that delivery had failed", at.owner, at.n)
	}
}

// reportSpool writes what became of stored batches.
func (r *run) reportSpool(w io.Writer) {
	s := r.history.spool
	if s == nil {
		return
	}
	t, _ := r.history.snapshot()
	printf(w, "  spool: %d batches told to be stored; at starts %d record batches of which it was not known whether they were written, and %d messages waited; %d refused or held\n",
		t.Stored, t.Resumed, t.Stranded, len(s.refused))
	if r.checker.door {
		printf(w, "  behind the door: %d batches answered after a kill that had come before the answer, %d of them recognised since they were stored before it\n",
			s.again.answered, s.again.recognised)
	}
	if r.config.Windows {
		printf(w, "  %s\n", r.checker.reportWindows())
	}
	if r.forgotten > 0 {
		printf(w, "  brokers have forgotten the producers that their replicas knew, all %d of them\n", r.forgotten)
	}
	if len(s.doubts) > 0 {
		printf(w, "  %d record batches in doubt\n", len(s.doubts))
	}
	printf(w, "  lost %d, twice %d, out of order %d\n", r.checker.counts[Lost], r.checker.counts[Duplicated], r.checker.counts[OutOfOrder])
}

// leastGathered is how many messages must show that windows gather.
const leastGathered = 100

// checkSpoolCoverage is NothingHappened for a run with a spool.
func (r *run) checkSpoolCoverage(need func(what string, n, least int)) {
	t, _ := r.history.snapshot()
	need("batches told to be stored", t.Stored, 1)
	need("record batches under way at a kill", t.Resumed, 1)
	need("messages that waited on the disk at a start", t.Stranded, 1)
	need("kills of the process", int(r.crashes.Load()), r.goals.Crashes)
	need("kills of brokers", r.testbed.brokersKilled(), r.goals.BrokerKills)
	if r.config.Windows {
		need("messages with several batches", r.checker.gathered.messages, leastGathered)
	}
	r.checkDoorOnSpool(need)
}

// checkHeld looks at what was refused: [GaveUp], unless a fault explains it.
func (r *run) checkHeld() {
	if r.history.spool == nil {
		return
	}
	for _, one := range r.history.spool.refused {
		a := &r.history.owners[one.owner][one.n-1]
		if r.mayBeHeld(a, one.reason) || r.injector.excuses(trace.Unknown, r.began.Add(one.at)) {
			continue
		}
		r.checker.add(GaveUp, one.attemptID, "owner %d number %d is in the refused part of the spool: %s", one.owner, one.n, one.reason)
	}
	doubtful := 0
	for _, d := range r.history.spool.doubts {
		doubtful += d.messages
	}
	if held := len(r.history.spool.refused); r.heldFor != "" && held > doubtful {
		r.checker.add(GaveUp, noAttempt(), "%d messages are held, %d are in doubt", held, doubtful)
	}
}

// mayBeHeld reports whether what happens in the run explains what was refused.
func (r *run) mayBeHeld(a *attempt, reason string) bool {
	return r.excused != nil && r.excused(r.config.Shape(a.id)) && strings.Contains(reason, r.heldFor)
}

// reportRoutes writes how many batches went to two topics.
func (r *run) reportRoutes(w io.Writer) {
	if r.config.Routed() {
		printf(w, "  routes: %d batches had events for two topics, and %d of them became more messages than that\n", r.history.divided(load.Plain), r.history.divided(load.Split))
	}
}

// checkRoutesCoverage is [NothingHappened] for routes.
func (r *run) checkRoutesCoverage(need func(what string, n, least int)) {
	if r.config.Routed() {
		need("batches with events for two topics", r.history.divided(load.Plain), 1)
		need("batches that are split, with events for two topics", r.history.divided(load.Split), 1)
	}
}

// printf writes for people; when the writer is gone, the verdict is still an error.
func printf(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
