// Command judge proves or refutes what a forwarder promises: on a Kafka in this
// process or on Apache Kafka itself, under faults, with a checker that reads
// everything back.
//
//	go run ./forwarder/forwardertest/cmd/judge -level embedded
//	go run ./forwarder/forwardertest/cmd/judge -level embedded -producer sarama
//	go run ./forwarder/forwardertest/cmd/judge -level embedded -door webhook
//	go run ./forwarder/forwardertest/cmd/judge -level apache -version 3.9.2
//	go run ./forwarder/forwardertest/cmd/judge -level embedded -spool
//	go run ./forwarder/forwardertest/cmd/judge -level embedded -spool -window 2s
//	go run ./forwarder/forwardertest/cmd/judge -level embedded -spool -door webhook
//	go run ./forwarder/forwardertest/cmd/judge -level embedded -routes 3
//	go run ./forwarder/forwardertest/cmd/judge -level apache -routes 3 -spool
//	go run ./forwarder/forwardertest/cmd/judge -level embedded -seeds 1 -events 10000000 -faults 300 -crashes 100 -limit 4h
//
// It prints a verdict for each run and each control, and exits with 1 when one
// of them is not as it must be. A seed repeats the load and the choice of
// faults; what meets what is up to the machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

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
	o, err := options(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	return judge.Run(ctx, o, os.Stdout)
}
