// Command judge proves or refutes what a forwarder promises: on a Kafka in this
// process or on Apache Kafka itself, under faults, with a checker that reads
// everything back.
//
//	go run ./forwarder/forwardertest/cmd/judge -level embedded
//	go run ./forwarder/forwardertest/cmd/judge -level apache -version 3.9.2
//	go run ./forwarder/forwardertest/cmd/judge -level embedded -seeds 1 -events 10000000 -faults 300 -crashes 100 -limit 4h
//
// It prints a verdict for each run and each control, and exits with 1 when one
// of them is not as it must be. A seed repeats the load and the choice of
// faults; what meets what is up to the machine.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge"
)

func main() {
	subject, err := judge.IsSubject()
	if !subject {
		err = run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	level := flag.String("level", judge.LevelEmbedded, judge.LevelEmbedded+" or "+judge.LevelApache)
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano())%1e6, "of the first run; the following ones count up") //nolint:gosec // after 1970
	seeds := flag.Int("seeds", 0, "number of runs (default 2 embedded, 1 apache)")
	controls := flag.Bool("controls", true, "begin with the broken clients that must be caught (embedded)")
	keep := flag.String("keep", "", "folder in which to keep histories and logs also of runs that passed")
	version := flag.String("version", "4.3.1", "of Apache Kafka")
	stopped := flag.Duration("longest-stop", 12*time.Second, "for which a broker of Apache Kafka is stopped, at least 5s")
	users := flag.Int("users", 0, "owners with a user id")
	rate := flag.Float64("rate", 0, "batches a second that are offered")
	messages := flag.Int("messages", 0, "to be acknowledged at least, in each run")
	events := flag.Int("events", 0, "to be acknowledged at least")
	perUser := flag.Int("per-user", 0, "batches of each user at least")
	faults := flag.Int("faults", 0, "that must hit")
	crashes := flag.Int("crashes", 0, "of the process under test")
	patience := flag.Duration("patience", 0, "for which nothing may be acknowledged")
	limit := flag.Duration("limit", 0, "of each run's load; then it has failed")
	flag.Parse()

	o, err := judge.Defaults(*level)
	if err != nil {
		return err
	}
	o.Seed = *seed
	flag.Visit(func(f *flag.Flag) { // what is given replaces the level's own
		switch f.Name {
		case "seeds":
			o.Seeds = *seeds
		case "controls":
			o.Controls = *controls
		case "keep":
			o.Keep = *keep
		case "version":
			o.Version = *version
		case "longest-stop":
			o.LongestStop = *stopped
		case "users":
			o.Goals.Users = *users
		case "rate":
			o.Goals.Rate = *rate
		case "messages":
			o.Goals.Messages = *messages
		case "events":
			o.Goals.Events = *events
		case "per-user":
			o.Goals.PerUser = *perUser
		case "faults":
			o.Goals.Faults = *faults
		case "crashes":
			o.Goals.Crashes = *crashes
		case "patience":
			o.Goals.Patience = *patience
		case "limit":
			o.Goals.Limit = *limit
		}
	})
	return judge.Run(ctx, o, os.Stdout)
}
