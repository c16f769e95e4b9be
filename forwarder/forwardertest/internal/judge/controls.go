package judge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
)

// A control is a broken client that must be caught, for its own reason.
type control struct {
	defect load.Defect
	reason string   // the invariant that must be broken; empty: none
	also   []string // others that may be
}

func allControls() []control {
	return []control{
		{load.Sound, "", nil},
		{load.NotIdempotent, I2, []string{Stamp}}, // a copy behind others has the time of the first
		{load.Resends, I2, []string{I3}},          // what comes back goes behind others
		{load.DropsKey, I4, nil},
		{load.ChangesByte, I5, nil},
		{load.Swallows, I1, nil},
		{load.Swaps, I3, nil},
		{load.SendsNotSent, I6, nil},
		{load.WrongPartition, I4, nil},
	}
}

// controls runs all of them.
func controls(ctx context.Context, o Options, w io.Writer) error {
	var failed error
	for _, c := range allControls() {
		if err := c.run(ctx, o, w); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// goals are small: a defect of one batch must be found among few, and one that
// faults bring out needs some that lose answers.
func (c control) goals() Goals {
	return Goals{Users: 1000, Keyless: 2, Rate: 6000, Messages: 6000, Faults: 5, Patience: healPatience, Limit: 30 * time.Second}
}

func (c control) run(ctx context.Context, o Options, w io.Writer) error {
	g, k, err := embedded()
	if err != nil {
		return err
	}
	defer g.close()
	g.fault, g.every = controlFaults(k), 200*time.Millisecond
	dir, remove, err := folder("", "control")
	if err != nil {
		return err
	}
	defer remove() //nolint:errcheck // in the system's folder for temporary files
	r, err := newRun(g, dir, o.Seed, c.goals(), load.Candidate{Defect: c.defect})
	if err != nil {
		return err
	}
	if err := r.do(ctx); err != nil {
		return fmt.Errorf("control %q: %w", c.defect, err)
	}
	found := slices.Sorted(maps.Keys(r.checker.counts))
	if !c.expects(found) {
		printf(w, "control %q NOT CAUGHT for its reason: expected %q, found %q\n", c.defect, c.reason, found)
		r.report(w, "control")
		return ErrFailed
	}
	printf(w, "control %q: caught %s after %s, %s\n", c.defect, r.checker.verdict(), time.Since(r.began).Round(100*time.Millisecond), r.injector)
	return nil
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
