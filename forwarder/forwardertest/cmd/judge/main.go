// Command judge proves or refutes what a forwarder promises: on a Kafka in this
// process or on Apache Kafka itself, under faults, with a checker that reads
// everything back.
//
//	go run ./forwarder/forwardertest/cmd/judge -level embedded -seed 7
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
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
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	level := flag.String("level", "embedded", "embedded or apache")
	o := judge.Options{}
	g := &o.Goals
	flag.Uint64Var(&o.Seed, "seed", uint64(time.Now().UnixNano())%1e6, "the first seed")
	flag.IntVar(&o.Seeds, "seeds", 2, "how many runs, with a seed each")
	flag.BoolVar(&o.Controls, "controls", true, "run the positive controls first")
	flag.StringVar(&o.Keep, "keep", "", "a folder in which to keep histories and logs")
	flag.StringVar(&o.Version, "version", "4.3.1", "of Apache Kafka")
	flag.IntVar(&g.Users, "users", 400, "")
	flag.IntVar(&g.Keyless, "keyless", 8, "")
	flag.Float64Var(&g.Rate, "rate", 6000, "batches a second that are offered")
	flag.IntVar(&g.Batches, "messages", 300_000, "")
	flag.IntVar(&g.Events, "events", 1_000_000, "")
	flag.IntVar(&g.PerUser, "per-user", 500, "")
	flag.IntVar(&g.Faults, "faults", 100, "that hit, in each run")
	flag.IntVar(&g.Crashes, "crashes", 5, "")
	flag.DurationVar(&g.Patience, "patience", time.Minute, "how long nothing may be acknowledged")
	flag.DurationVar(&g.Limit, "limit", 3*time.Minute, "")
	flag.Parse()
	if *level != "embedded" {
		return fmt.Errorf("no level %q", *level)
	}
	return judge.Embedded(ctx, o, os.Stdout)
}
