package main

import (
	"flag"
	"io"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge"
)

// options are a level's own, save what the command line gives. Usage goes to
// usage.
func options(args []string, usage io.Writer) (judge.Options, error) {
	level, spool, door := judge.LevelEmbedded, false, judge.NoDoor
	for {
		o, err := judge.Defaults(level)
		if err != nil {
			return judge.Options{}, err
		}
		if spool {
			o = o.WithSpool()
		}
		o = o.Behind(door)
		set := flags(&o)
		set.SetOutput(usage)
		if err := set.Parse(args); err != nil {
			return judge.Options{}, err //nolint:wrapcheck // it is for people, and says all
		}
		if o.Level == level && o.Spool == spool && o.Door == door {
			return o, nil
		}
		level, spool, door = o.Level, o.Spool, o.Door // have other defaults
	}
}

// flags set o, which holds the defaults.
func flags(o *judge.Options) *flag.FlagSet {
	set := flag.NewFlagSet("judge", flag.ContinueOnError)
	set.StringVar(&o.Level, "level", o.Level, judge.LevelEmbedded+" or "+judge.LevelApache)
	set.Func("producer", string(judge.ProducerEngine+" or "+judge.ProducerSarama+`: what the forwarder delivers with (default "`+judge.ProducerEngine+`")`), func(name string) error {
		o.Producer = judge.Producer(name)
		return o.Producer.Validate()
	})
	doorFlag(set, o)
	set.Uint64Var(&o.Seed, "seed", uint64(time.Now().UnixNano())%1e6, "of the first run; the following ones count up") //nolint:gosec // after 1970
	set.IntVar(&o.Seeds, "seeds", o.Seeds, "number of runs")
	set.StringVar(&o.Keep, "keep", "", "folder in which to keep histories and logs also of runs that passed")

	set.BoolVar(&o.Controls, "controls", o.Controls, "begin with the broken clients that must be caught; of the embedded level")
	set.StringVar(&o.Version, "version", o.Version, "of Apache Kafka")
	set.DurationVar(&o.LongestStop, "longest-stop", o.LongestStop, "for which a broker of Apache Kafka is stopped, at least 5s")

	g := &o.Goals
	set.IntVar(&g.Users, "users", g.Users, "owners with a user id")
	set.Float64Var(&g.Rate, "rate", g.Rate, "batches a second that are offered")
	set.IntVar(&g.Messages, "messages", g.Messages, "to be acknowledged at least, in each run")
	set.IntVar(&g.Events, "events", g.Events, "to be acknowledged at least")
	set.IntVar(&g.PerUser, "per-user", g.PerUser, "batches of each user at least")
	set.IntVar(&g.Faults, "faults", g.Faults, "that must hit")
	set.IntVar(&g.Crashes, "crashes", g.Crashes, "of the process under test")
	set.DurationVar(&g.MaxStall, "max-stall", g.MaxStall, "for which nothing may be acknowledged")
	spoolFlags(set, o)
	routesFlag(set, o)
	set.DurationVar(&g.Limit, "limit", g.Limit, "of each run's load; then it has failed")
	return set
}
