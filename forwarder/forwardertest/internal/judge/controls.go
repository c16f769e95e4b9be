package judge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
)

// A control is a broken client that must be caught, for its own reason.
type control struct {
	load.Candidate
	reason string   // the invariant that must be broken; empty: none
	also   []string // others that may be
	faults func(*testbed, *forwardertest.Kafka) func(*rand.Rand) fault
}

func allControls() []control {
	broken := func(d load.Defect, reason string, also ...string) control {
		return control{load.Candidate{Defect: d}, reason, also, controlFaults}
	}
	return []control{
		broken(load.Sound, ""),
		broken(load.NotIdempotent, Duplicated, BadTimestamp), // a copy behind others has the time of the first
		broken(load.Resends, Duplicated, OutOfOrder),         // what comes back goes behind others
		broken(load.DropsKey, WrongPartition),
		broken(load.ChangesByte, AlteredContent),
		broken(load.Swallows, Lost),
		broken(load.Swaps, OutOfOrder),
		broken(load.SendsNotSent, SentAfterNotSent),
		broken(load.WrongPartition, WrongPartition),
		{load.Candidate{Producer: load.Engine}, "", nil, idsLostForGood}, // it asks for new ones
		{load.Candidate{Defect: load.KeepsProducerID}, NoProgress, []string{OutOfOrder}, idsLostForGood},
		{load.Candidate{Producer: load.Engine}, "", nil, passwordsReplaced}, // it reads the file again
		{load.Candidate{Defect: load.KeepsPassword}, NoProgress, nil, passwordsReplaced},
	}
}

// spoolControlsFor are processes with a spool, behind a door or none, or with windows, of
// which one promise is broken.
func spoolControlsFor(door Door, windows bool) []control {
	broken := func(d load.Defect, reason string, also ...string) control {
		return control{load.Candidate{Producer: load.Engine, Defect: d, Door: door}, reason, also, lostAnswers}
	}
	if windows {
		return []control{
			broken(load.LosesEvent, Lost),
			broken(load.RepeatsBatch, Duplicated),
			broken(load.SwapsInWindow, OutOfOrder, WrongOffset), // each is told the other's end
			broken(load.MixesDevices, MixedWindow, OutOfOrder, RealTimeOrder),
		}
	}
	if door != NoDoor {
		return []control{
			broken(load.None, ""),
			broken(load.AnswersEarly, Lost, OutOfOrder, RealTimeOrder), // it stores on as many goroutines
			broken(load.ForgetsAtRestart, Duplicated),
		}
	}
	return []control{
		broken(load.None, ""),
		broken(load.Forgetful, Duplicated),
		broken(load.KeepsNothing, Lost),
		broken(load.StoresSwapped, OutOfOrder, WrongOffset), // each is told the other's end,
	}
}

// lostAnswers has nearly each kill leave record batches of which it is not known
// whether they were written.
func lostAnswers(_ *testbed, k *forwardertest.Kafka) func(*rand.Rand) fault {
	return func(r *rand.Rand) fault {
		return answers("answers lost", 150*ms, k.LoseAnswers, forwardertest.Produce, 2+r.IntN(3))
	}
}

// controlsFor are the controls for a door: those of the forwarder without one.
func controlsFor(d Door) []control {
	if d == NoDoor {
		return allControls()
	}
	broken := func(defect load.Defect, reason string, also ...string) control {
		return control{load.Candidate{Producer: load.Engine, Defect: defect, Door: d}, reason, also, controlFaults}
	}
	return []control{
		broken(load.AnswersEarly, Lost, OutOfOrder),
		broken(load.ForgetsIDs, Duplicated, OutOfOrder),
		broken(load.NoQuarantine, Contradiction, GaveUp),
	}
}

// controls runs all of them.
func controls(ctx context.Context, o Options, w io.Writer) error {
	var failed error
	list := controlsFor(o.Door)
	if o.Spool {
		list = spoolControlsFor(o.Door, o.Window != 0)
	}
	if o.Routes > 0 {
		list = routesControls(o.Spool)
	}
	for _, c := range list {
		if err := c.run(ctx, o, w); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// goals are small: a defect of one batch must be found among few, and one that
// faults bring out needs some that lose answers.
func (c control) goals() Goals {
	g := Goals{Users: 1000, Keyless: 2, Rate: 6000, Messages: 6000, Faults: 5, MaxStall: healTimeout, Limit: 2 * time.Minute}
	if c.Door != NoDoor { // clients and server have the same processors
		g.Users, g.Rate, g.Messages, g.Faults = 100, 1500, 4000, 3
	}
	if c.Defect == load.NoQuarantine { // one batch in a thousand is too large
		g.Messages = 8000
	}
	if c.reason == NoProgress {
		g.Messages, g.MaxStall = 100_000, 5*time.Second // more than come before the faults
	}
	return g
}

// attempts is how often a broken client may run until it is caught: what it breaks takes
// an answer lost or a kill at the right instant, which a slow machine gives more seldom.
const attempts = 3

// run lets the control run until it is caught. What another invariant catches, or a sound
// client that is caught, fails at once.
func (c control) run(ctx context.Context, o Options, w io.Writer) error {
	for attempt := range uint64(attempts) {
		r, err := c.attempt(ctx, o, o.Seed+attempt)
		if err != nil {
			return fmt.Errorf("control %q: %w", c.Candidate, err)
		}
		found := slices.Sorted(maps.Keys(r.checker.counts))
		if c.expects(found) {
			printf(w, "control %q: caught %s after %s, %s\n", c.Candidate, r.checker.verdict(), time.Since(r.began).Round(100*time.Millisecond), r.injector)
			return nil
		}
		printf(w, "control %q NOT CAUGHT for its reason: expected %q, found %q\n", c.Candidate, c.reason, found)
		r.report(w, "control", nil)
		if c.reason == "" || len(found) > 0 {
			break
		}
	}
	return ErrFailed
}

// attempt returns a run of the control that has ended.
func (c control) attempt(ctx context.Context, o Options, seed uint64) (*run, error) {
	g, k, err := embedded(o.Producer)
	if err != nil {
		return nil, err
	}
	defer g.close()
	if err := g.route(o, k); err != nil {
		return nil, err
	}
	g.fault, g.every, g.required, g.spool = c.faults(g, k), 200*time.Millisecond, nil, o.Spool
	dir, remove, err := folder("", "control")
	if err != nil {
		return nil, err
	}
	defer remove() //nolint:errcheck // in the system's folder for temporary files
	goals := c.goals()
	if o.Spool {
		goals.Users, goals.Rate, goals.Crashes = 200, 2000, 4
	}
	if o.Spool && c.Door != NoDoor {
		goals.Users, goals.Rate, g.script = 60, 500, killedBetween
	}
	if o.Window != 0 {
		goals.Messages, goals.Faults, goals.Crashes, g.window = 1000, 1, 1, o.Window
	}
	r, err := newRun(g, dir, seed, goals, c.Candidate)
	if err != nil {
		return nil, err
	}
	return r, r.do(ctx)
}

func (c control) expects(found []string) bool {
	if c.reason == "" {
		return len(found) == 0
	}
	for _, f := range found {
		if f != c.reason && !slices.Contains(c.also, f) {
			return false
		}
	}
	return slices.Contains(found, c.reason)
}

// routesControls are processes with routes of which one promise is broken.
func routesControls(spool bool) []control {
	faults := controlFaults
	if spool {
		faults = lostAnswers
	}
	broken := func(d load.Defect, reason string, also ...string) control {
		return control{load.Candidate{Producer: load.Engine, Defect: d}, reason, also, faults}
	}
	misses := broken(load.MissesTopic, Lost, Contradiction) // of one topic its caller is told nothing
	if spool {
		return []control{misses, broken(load.StoresSwapped, OutOfOrder, WrongOffset)}
	}
	return []control{
		broken(load.None, ""),
		broken(load.WrongTopic, WrongTopic, Lost, WrongOffset, Contradiction), // its caller is told another topic
		misses,
		broken(load.MisnamesTopic, Contradiction),
	}
}
