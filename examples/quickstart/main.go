// Quickstart shows the main job: batches from a file or standard input are
// filtered, keyed and forwarded through TLS and SCRAM-SHA-512 into Kafka, and
// read back with another client.
//
//	go run ./examples/quickstart                  built-in sample, Kafka inside the program
//	go run ./examples/quickstart batches.ndjson   your own batches
//	go run ./examples/quickstart -bootstrap b1:9093 -topic events -user mparticle -ca ca.pem batches.ndjson
//
// With -bootstrap it uses your own cluster; the password comes from the
// environment variable EVENTFERRY_PASSWORD or from -password-file.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", oneLine(err))
		os.Exit(1)
	}
}

// oneLine is for errors that hold several.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// run reads all batches before it connects, so that a mistake in the last one
// leaves nothing half sent.
func run(ctx context.Context, args []string, stdin *os.File, out io.Writer) error {
	flags, err := parseFlags(args, out)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, flags.timeout)
	defer cancel()
	batches, err := input(ctx, flags.file, stdin, !flags.theirs())
	if err != nil {
		return err
	}
	target, stop, err := flags.target()
	if err != nil {
		return err
	}
	defer stop()

	if err := target.Validate(); err != nil {
		return err
	}
	fmt.Fprintf(out, "forwarding %s to topic %s at %s\n", count(len(batches), "batch"), target.TopicName, target.BootstrapServers)

	var seen observer
	f, err := forwarder.New(ctx, target,
		forwarder.WithObserver(forwarder.Observer{Done: seen.done}),
		forwarder.WithLogger(slog.New(slog.DiscardHandler))) // the report and the error say the same
	if err != nil {
		return err
	}
	defer f.Close()
	start := time.Now()
	failed := forward(ctx, f, batches)
	took := time.Since(start)

	infos := seen.all()
	sent := acknowledged(batches, infos)
	messages := slices.Concat(sent...)
	if flags.read && failed == nil {
		if err := readBack(ctx, target, messages); err != nil {
			return fmt.Errorf("sent, but reading back failed (-read=false does without): %w", err)
		}
	}
	if failed == nil || len(messages) > 0 {
		report(out, sent, infos, took)
	}
	return failed
}

// forward sends one batch after the other and stops at the first failure.
func forward(ctx context.Context, f *forwarder.Forwarder, batches []*batch.Batch) error {
	for i, b := range batches {
		if err := f.Forward(ctx, b); err != nil {
			return fmt.Errorf("batch %d: %w", i+1, err)
		}
	}
	return nil
}
