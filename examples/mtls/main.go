// Mtls forwards to a listener that identifies its clients by their certificates:
// a certificate and its key take the place of user name and password.
//
//	go run ./examples/mtls
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
		fmt.Fprintln(os.Stderr, "mtls:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	// ssl.client.auth=required, and no SASL.
	kafka, err := forwardertest.StartKafka(forwardertest.WithMethods(), forwardertest.WithClientCertificates())
	if err != nil {
		return err
	}
	defer kafka.Close()

	s := settings.Settings{
		BootstrapServers: kafka.Settings().BootstrapServers,
		TopicName:        "events",
		TLS: settings.TLS{
			CAFile:   kafka.Settings().TLS.CAFile,   // the issuer of the brokers' certificates
			CertFile: kafka.Settings().TLS.CertFile, // our identity
			KeyFile:  kafka.Settings().TLS.KeyFile,
		},
	}
	if err := forward(ctx, s, out); err != nil {
		return err
	}

	// Without a certificate the broker closes the connection, and New says why at once.
	s.TLS.CertFile, s.TLS.KeyFile = "", ""
	fmt.Fprintln(out, "without a certificate:", forward(ctx, s, out))
	return nil
}

func forward(ctx context.Context, s settings.Settings, out io.Writer) error {
	f, err := forwarder.New(ctx, s)
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
