package judge

import (
	"context"
	"slices"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
)

// Behind returns the options for batches that are posted to a door. Clients and
// server share the processors with the forwarder, so that there are fewer batches.
func (o Options) Behind(d Door) Options {
	o.Door = d
	if d == NoDoor {
		return o
	}
	g := &o.Goals
	o.Seeds = 1
	if o.Spool { // whose other goals are small enough
		g.Rate, g.Messages, g.Limit = g.Rate/2, g.Messages/2, 5*time.Minute
		return o
	}
	g.Users, g.Rate, g.Messages, g.Events, g.PerUser = 200, 1500, 30_000, 90_000, 50
	g.Faults, g.Crashes, g.Limit = 40, 3, 5*time.Minute
	return o
}

// demanded returns the faults that are to hit before a run with these options ends.
// Behind a door clients wait for each answer, and what gathers is seldom too large for
// a request. Windows have faults by chance only: they lie before all that sends.
func (o Options) demanded(faults []string) []string {
	switch {
	case o.Window != 0:
		return nil
	case o.Door == NoDoor:
		return faults
	}
	return slices.DeleteFunc(slices.Clone(faults), func(name string) bool { return name == faultRequestLimit })
}

// doorOnSpool reports whether posts are answered once they are stored: clients post again
// what had no answer when the process was killed.
func (r *run) doorOnSpool() bool { return r.config.Door != NoDoor && r.testbed.spool }

const (
	holdOneIn = 2 // kills, before which answers are held
	holdTime  = 2 * time.Second
)

// holdAnswers has the process store without answering, and returns when it has stored at
// least one batch so: the kill that follows comes between the two. A process that stores
// nothing, since the disk is full, is not waited for.
func (r *run) holdAnswers() error {
	r.tell(load.Hold)
	select {
	case <-r.history.mark(load.MarkHeld):
		return nil
	case <-time.After(holdTime):
		return nil
	case <-r.process.ended:
		return r.exited()
	}
}

// killedBetween is the script of controls: it kills the process three times between a
// batch and its answer. It waits for nothing that a broken door may not bring.
func killedBetween(ctx context.Context, r *run) error {
	const lives, stored = 3, 300
	for life := range lives + 1 {
		before, _ := r.history.snapshot()
		ok, err := r.eventually(ctx, func() (bool, error) {
			now, _ := r.history.snapshot()
			return now.Stored-before.Stored >= stored, nil
		})
		if err != nil {
			return err
		}
		if !ok {
			r.checker.add(NothingHappened, noAttempt(), "%d batches were not stored within %s", stored, scenarioTimeout)
		}
		if life == lives {
			return nil
		}
		if err := r.holdAnswers(); err != nil {
			return err
		}
		if err := r.crash(ctx); err != nil {
			return err
		}
	}
	return nil
}

// checkDoorOnSpool is [NothingHappened] for posts that had no answer, and [NoProgress]
// for those that never got one.
func (r *run) checkDoorOnSpool(need func(what string, n, least int)) {
	if !r.doorOnSpool() {
		return
	}
	t, _ := r.history.snapshot()
	if n := t.Batches - t.Returned; n > 0 {
		r.checker.add(NoProgress, noAttempt(), "%d posts never got an answer", n)
	}
	s := r.history.spool
	need("batches posted again after a kill", s.again.answered, 1)
	need("batches recognised that were stored before a kill", s.again.recognised, 1)
}
