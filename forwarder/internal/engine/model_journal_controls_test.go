package engine

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
)

// What is broken must be found, and for its own reason.
func TestModel_journalControls(t *testing.T) {
	const seeds = 2000 // most are caught by one of the first
	// What is written twice may be refused the second time, and the second copy of
	// something may come late.
	twice := []string{invariantNotSent, invariantOrder, invariantStamp}
	for _, control := range []struct {
		name    string
		subject modelSubject
		reason  string
		also    []string
	}{
		{"an intent is written after its request", withJournal(intendsLate), invariantDuplicate, append(twice, invariantIntent)}, // it ends before it begins
		{"an intent is not synced", withJournal(intendsUnsynced), invariantDuplicate, append(twice, invariantIntent)},            // or not taken at all
		{"an end is written before the answer", withJournal(endsEarly), invariantLost, []string{invariantStamp, invariantOrder}}, // the dead process's request comes late
		{"a fresh id before the doubt is settled", takesFreshID, invariantDuplicate, twice},
		{"other messages under old numbers", takesOthers, invariantLost, append(twice, invariantIntent)},                   // those of the intent are not those that end it
		{"a doubtful record batch is cut up", cutsUp, invariantGaveUp, append(twice, invariantDuplicate, invariantIntent)}, // brokers find half of it out of order
		{"a part does not name its whole", unread(withJournal(forgetsWhole)), invariantDuplicate, twice},
		{"an intent that failed is forgotten", forgetsFailed, invariantDuplicate, append(twice, invariantSettled, invariantWait)}, // a mark has said that it is there
		{"a first attempt is believed unsent", believesUnsent, invariantDuplicate, twice},
		{"the last timestamps are forgotten", forgetsTimestamps, invariantStamp, nil},
	} {
		t.Run(control.name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(seeds) {
				r := journalInBubble(t, seed, control.subject)
				caught := false
				for _, v := range r.found {
					caught = caught || v.invariant == control.reason
					assert.Contains(t, append(control.also, control.reason), v.invariant, "schedule %d: %s", seed, v.text)
				}
				if t.Failed() {
					return
				}
				if caught {
					t.Logf("caught by schedule %d: %s", seed, r.found[0].text)
					return
				}
			}
			t.Errorf("not caught by %d schedules", seeds)
		})
	}
}

// Schedules in which nothing happens would prove nothing.
func TestModel_journalHappens(t *testing.T) {
	if raceEnabled {
		t.Skip("the schedules are those that run without the race detector")
	}
	t.Parallel()
	happens := map[string]*regexp.Regexp{
		"several are recovered":               regexp.MustCompile(`start: recovered [2-9]`),
		"the journal loses something":         regexp.MustCompile(`journal has lost [1-9]`),
		"it is in order":                      regexp.MustCompile(`close and start again`),
		"what is recovered was written":       regexp.MustCompile(`recovered .*: written before`),
		"what is recovered was not written":   regexp.MustCompile(`recovered .*: written now`),
		"a copy of a dead process comes late": regexp.MustCompile(`read late: .*\[at \d+\]`),
		"and is there already":                regexp.MustCompile(`read late: .*already`),
		"a part is recovered":                 regexp.MustCompile(`recovered part`),
		"something is in doubt":               regexp.MustCompile(`in doubt`),
		"the journal fails":                   regexp.MustCompile(`the journal fails`),
		"what failed is safe":                 regexp.MustCompile(`safe, but it fails`),
		"brokers tell of the former topic":    regexp.MustCompile(`tells of the former topic`),
		"the journal takes nothing":           regexp.MustCompile(`will not take`),
		"the topic is replaced":               regexp.MustCompile(`the topic is replaced`),
		"the clock is set back":               regexp.MustCompile(`clock is [24]0s behind`),
		"more than the part is found":         regexp.MustCompile(`in partition \d: written whole`),
		"a time is refused":                   regexp.MustCompile(`is read: .*\[32\]`),
	}
	counts := map[string]int{}
	for seed := uint64(0); seed < 4000 && len(counts) < len(happens); seed++ { // some of it is rare
		for _, line := range journalInBubble(t, seed, startJournal).trace {
			for what, pattern := range happens {
				if pattern.MatchString(line) {
					counts[what]++
				}
			}
		}
	}
	t.Log(counts)
	for what := range happens {
		assert.NotZero(t, counts[what], what)
	}
}
