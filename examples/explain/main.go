// Explain answers "why is my event not there?" without a connection: for each batch
// of a file what every filter and switch would do with it, and a table of what all
// of them together would keep from leaving.
//
//	go run ./examples/explain
//	go run ./examples/explain -settings settings.json -table batches.ndjson
package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/settings"
)

//go:embed sample.ndjson
var sampleBatches []byte

//go:embed settings.json
var sampleSettings []byte

func main() {
	if err := run(context.Background(), os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "explain:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, args []string) error {
	flags := flag.NewFlagSet("explain", flag.ContinueOnError)
	flags.SetOutput(out)
	settingsFile := flags.String("settings", "", "settings as JSON; default: a sample")
	partitions := flags.Int("partitions", 12, "of the topic, for the partition of each user")
	values := flags.Bool("values", false, "show what edited members hold, which is payload")
	asJSON := flags.Bool("json", false, "write JSON, one object a line")
	onlyTable := flags.Bool("table", false, "only the table")
	if err := flags.Parse(args); err != nil {
		return err
	}
	s, err := readSettings(*settingsFile)
	if err != nil {
		return err
	}
	data := sampleBatches
	if file := flags.Arg(0); file != "" {
		if data, err = os.ReadFile(file); err != nil {
			return err
		}
	}
	opts := []forwarder.Option{forwarder.WithPartitionCount(int32(*partitions))}
	if *values {
		opts = append(opts, forwarder.WithValues())
	}
	if !*onlyTable {
		for b, err := range batch.Read(bytes.NewReader(data), 0) {
			if err != nil {
				fmt.Fprintln(out, err) // and the table counts it
				continue
			}
			e, err := forwarder.Explain(ctx, s, b, opts...)
			if err != nil {
				return err
			}
			if err := write(out, e, *asJSON); err != nil {
				return err
			}
		}
	}
	report, err := forwarder.DryRun(ctx, s, batch.Read(bytes.NewReader(data), 0), opts...)
	if err != nil {
		return err
	}
	return write(out, report, *asJSON)
}

// readSettings reads a file, or the sample, and what the environment sets.
func readSettings(file string) (settings.Settings, error) {
	data := sampleSettings
	if file != "" {
		var err error
		if data, err = os.ReadFile(file); err != nil {
			return settings.Settings{}, err
		}
	}
	s, err := settings.Parse(data)
	if err != nil {
		return s, err
	}
	for _, v := range settings.Unknown(os.Environ()) {
		fmt.Fprintln(os.Stderr, "explain:", v)
	}
	return s, s.SetFromEnv(os.LookupEnv)
}

func write(out io.Writer, v fmt.Stringer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(out).Encode(v)
	}
	_, err := fmt.Fprintln(out, v)
	return err
}
