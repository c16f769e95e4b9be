package judge

import (
	"slices"
	"time"
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
	g.Users, g.Rate, g.Messages, g.Events, g.PerUser = 200, 1500, 30_000, 90_000, 50
	g.Faults, g.Crashes, g.Limit = 40, 3, 5*time.Minute
	return o
}

// demanded returns the faults that are to hit before a run with these options ends.
// Behind a door clients wait for each answer, and what gathers is seldom too large for
// a request.
func (o Options) demanded(faults []string) []string {
	if o.Door == NoDoor {
		return faults
	}
	return slices.DeleteFunc(slices.Clone(faults), func(name string) bool { return name == faultRequestLimit })
}
