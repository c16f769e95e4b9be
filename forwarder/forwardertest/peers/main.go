// Peers measures eventferry next to the producers that a user would choose
// instead, against Apache Kafka itself, in one run:
//
//	cd forwarder/forwardertest/peers && GOWORK=off go run .
//
// It takes about an hour, and with -quick five minutes; it needs Linux with two
// cores or more and taskset, a C compiler, a JDK 17 and Maven. Clients have one
// core, the brokers the other; leave the machine to it. Contenders, loads and
// what is read of the figures are explained in results/results.md, which it
// writes, with the plots beside it and the numbers in a file of the folder runs.
// Tables and plots are of all runs there, from which those of other code are removed.
//
// With -render it makes tables and plots anew. With -tune it
// measures a part, in minutes, and prints a small table of it:
//
//	GOWORK=off go run . -tune -rows 1,4,7 -rounds 3
//	GOWORK=off go run . -tune -rows 1 -rounds 0 -profile engine -pprof /tmp/profiles
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/bench"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/contender"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/results"
)

func main() {
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func run(w io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	switch {
	case len(os.Args) > 1 && os.Args[1] == bench.ContenderCommand:
		return beContender(ctx, w)
	case len(os.Args) > 1 && os.Args[1] == bench.FloorCommand:
		return beFloor(ctx, w)
	case len(os.Args) > 1 && os.Args[1] == bench.NoiseCommand:
		_, err := fmt.Fprintln(w, bench.FixedWork())
		return err
	}
	return beBenchmark(ctx, w)
}

// beContender does the job on standard input.
func beContender(ctx context.Context, w io.Writer) error {
	var j peer.Job
	if err := json.NewDecoder(os.Stdin).Decode(&j); err != nil {
		return fmt.Errorf("peers: the job: %w", err)
	}
	r, err := contender.Run(ctx, j)
	if err != nil {
		r.Error = err.Error()
	}
	return json.NewEncoder(w).Encode(r)
}

func beFloor(ctx context.Context, w io.Writer) error {
	var j bench.FloorJob
	if err := json.NewDecoder(os.Stdin).Decode(&j); err != nil {
		return fmt.Errorf("peers: the job: %w", err)
	}
	cpu, err := bench.DoFloor(ctx, j)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, cpu)
	return err
}

func beBenchmark(ctx context.Context, w io.Writer) error {
	quick := flag.Bool("quick", false, "one codec, one size and one broker, in five minutes")
	measure := flag.Duration("measure", time.Second, "how long each contender is measured, each time")
	out := flag.String("out", "results", "folder for runs, tables and plots")
	render := flag.Bool("render", false, "measure nothing: make tables and plots of the runs that there are")
	tune := tuningFlags()
	flag.Parse()
	if *tune.on {
		return tune.run(ctx, w, *measure)
	}
	if !*render {
		if err := bench.MoveAside(); err != nil {
			return err
		}
		r, err := bench.Run(ctx, bench.Options{Quick: *quick, Measure: *measure, Out: w})
		if err := publish(r, err, *out); err != nil {
			return err
		}
		if *quick {
			_, err := fmt.Fprint(w, r.Text())
			return err
		}
	}
	runs, err := results.LoadAll(filepath.Join(*out, "runs"))
	if err != nil {
		return err
	}
	r := results.Together(runs)
	errs := []error{os.WriteFile(filepath.Join(*out, "results.md"), []byte(r.Markdown()), 0o644)}
	for name, svg := range r.Plots() {
		errs = append(errs, os.WriteFile(filepath.Join(*out, name), []byte(svg), 0o644))
	}
	_, err = fmt.Fprint(w, r.Summary())
	errs = append(errs, err)
	return errors.Join(errs...)
}

// publish saves r beside the runs of the same code, and removes those of other
// code. A run that is quick, noisy or not whole, which err says, is kept apart.
func publish(r *results.Results, err error, out string) error {
	if err == nil {
		err = r.CheckNoise()
	}
	folder := filepath.Join(out, "runs")
	if err != nil || r.Quick {
		return errors.Join(err, os.MkdirAll(out, 0o755), r.Save(filepath.Join(out, "partial.json.gz")))
	}
	if err := errors.Join(os.MkdirAll(folder, 0o755), r.Save(filepath.Join(folder, r.FileName()))); err != nil {
		return err
	}
	return results.RemoveOthers(folder, r.Code)
}
