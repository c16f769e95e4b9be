// Tls-only forwards to a listener that asks for no SASL, Kafka's SSL: without a
// user name there is TLS and nothing else. The server is still verified; the
// client stays anonymous.
//
//	go run ./examples/tls-only
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "tls-only:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	kafka, err := forwardertest.StartKafka(forwardertest.WithMethods()) // no method: a listener of type SSL
	if err != nil {
		return err
	}
	defer kafka.Close()

	f, err := forwarder.New(ctx, settings.Settings{
		BootstrapServers: kafka.Settings().BootstrapServers,
		TopicName:        "events",
		TLS:              settings.TLS{CAFile: kafka.Settings().TLS.CAFile}, // leave it out if a public authority signed
	})
	if err != nil {
		return err
	}
	defer f.Close()

	b, err := batch.Parse([]byte(`{"mpid":7346244611012968789,"events":[{"event_type":"session_start","data":{}}]}`))
	if err != nil {
		return err
	}
	if err := f.Forward(ctx, b); err != nil {
		return err
	}
	fmt.Fprintln(out, "acknowledged:", b)
	return nil
}
