// Localkafka runs a Kafka inside itself until it is interrupted, with TLS and
// SCRAM-SHA-512, and prints the variables that eventferry's settings need to
// reach it: the first hour of development without Docker.
//
//	go run ./examples/localkafka -out kafka.env     stays; in another terminal:
//	. ./kafka.env
//	go run ./examples/quickstart -env
//
// The lines are those of a POSIX shell. Messages are kept in memory only.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "localkafka:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends. Variables go to out, all else to log.
func run(ctx context.Context, args []string, out, log io.Writer) error {
	fs := flag.NewFlagSet("localkafka", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	topic := fs.String("topic", "events", "topic name")
	partitions := fs.Int("partitions", 12, "partitions of the topic")
	brokers := fs.Int("brokers", 1, "number of brokers")
	file := fs.String("out", "", "file to write the variables to instead of standard output")
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fs.SetOutput(log)
		fs.PrintDefaults()
		return nil
	case err != nil:
		return err
	case fs.NArg() > 0:
		return fmt.Errorf("no arguments expected, got %q", fs.Arg(0))
	case *brokers < 1 || *partitions < 1:
		return errors.New("at least one broker and one partition")
	}
	k, err := forwardertest.StartKafka(
		forwardertest.WithBrokers(*brokers),
		forwardertest.WithTopic(*topic, int32(*partitions)), //nolint:gosec // a number that was typed
	)
	if err != nil {
		return err
	}
	defer k.Close()
	if err := write(*file, out, exports(k)); err != nil {
		return err
	}
	fmt.Fprintf(log, "localkafka: %s at %s, until interrupted\n", *topic, strings.Join(k.Servers(), ","))
	<-ctx.Done()
	return nil
}

// exports returns the lines that set the variables.
func exports(k *forwardertest.Kafka) string {
	s := k.Settings()
	var b strings.Builder
	for _, v := range [][2]string{
		{"BOOTSTRAP_SERVERS", s.BootstrapServers},
		{"TOPIC_NAME", s.TopicName},
		{"AUTHENTICATION_METHOD", string(s.AuthenticationMethod)},
		{"USER_NAME", s.UserName},
		{"PASSWORD", s.Password.Reveal()}, // made up for this run
		{"TLS_CA_FILE", s.TLS.CAFile},
	} {
		fmt.Fprintf(&b, "export EVENTFERRY_%s=%s\n", v[0], quote(v[1]))
	}
	return b.String()
}

// quote writes a word as a POSIX shell reads it.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// write makes the whole file appear at once, since others wait for it.
func write(file string, out io.Writer, text string) error {
	if file == "" {
		_, err := io.WriteString(out, text)
		return err
	}
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
