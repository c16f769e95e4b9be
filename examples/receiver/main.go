// Receiver is a service that takes mParticle's webhook output at /webhook and its
// server SDKs at /v2, and forwards their batches. /healthz says that the process
// runs, /readyz whether batches are accepted.
//
//	go run ./examples/receiver
//
// With nothing set it starts a Kafka inside the program, prints a line for curl that
// posts a sample batch, and then what arrives in Kafka. In earnest, the settings come
// from the environment (EVENTFERRY_BOOTSTRAP_SERVERS and so on), and so do these. With
// EVENTFERRY_SPOOL_DIR, a folder, batches are accepted while Kafka is away, and none of
// them is lost with the process:
//
//	EVENTFERRY_RECEIVER_LISTEN           :8443 without it
//	EVENTFERRY_RECEIVER_WEBHOOK_SECRET   the webhook's Authorization; _2 is taken as well
//	EVENTFERRY_RECEIVER_FEEDS            name:key:secret of server SDKs, with commas between them;
//	                                     name:key:secret:secret while a secret is replaced
//	EVENTFERRY_RECEIVER_TLS_CERT_FILE    and _TLS_KEY_FILE: the certificate
//	EVENTFERRY_RECEIVER_TRUSTED_PROXIES  instead of a certificate: networks of proxies that have one
//	EVENTFERRY_RECEIVER_QUARANTINE_DIR   keeps what can never be forwarded; without it that is refused only
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/eventferry/eventferry/examples/internal/serving"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/receiver"
	"github.com/eventferry/eventferry/settings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.LookupEnv, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "receiver:", err)
		os.Exit(1)
	}
}

// warnUnknown logs the variables that look like settings and are none, nor the
// receiver's.
func warnUnknown(log *slog.Logger, environ []string) {
	for _, v := range settings.Unknown(environ) {
		if !strings.HasPrefix(v.Name, prefix) {
			log.Warn("an environment variable is ignored", "variable", v)
		}
	}
}

// run serves until ctx ends, and then what is under way. What it says goes to out.
func run(ctx context.Context, env lookup, out, log io.Writer) error {
	if servers, _ := env("EVENTFERRY_BOOTSTRAP_SERVERS"); servers == "" {
		d, err := startDemo(ctx, env, out)
		if err != nil {
			return err
		}
		defer d.close()
		env = d.env
	}
	logger := slog.New(slog.NewTextHandler(log, nil))
	warnUnknown(logger, os.Environ())
	var s settings.Settings
	if err := s.SetFromEnv(env); err != nil {
		return err
	}
	f, err := forwarder.New(ctx, s, forwarder.WithLogger(logger), forwarder.WithoutProbe()) // it starts while Kafka is down
	if err != nil {
		return err
	}
	defer f.Close()
	server, err := newServer(f, env, logger)
	if err != nil {
		return err
	}
	return serving.Until(ctx, f, logger, func(addresses []string) { fmt.Fprintln(out, "serving", addresses[0]) }, server)
}

// newServer builds the receiver and puts the probes beside its doors.
func newServer(f *forwarder.Forwarder, env lookup, log *slog.Logger) (*http.Server, error) {
	feeds, err := feedsFrom(env)
	if err != nil {
		return nil, err
	}
	options, certificate, err := optionsFrom(env)
	if err != nil {
		return nil, err
	}
	r, err := receiver.New(f, feeds, append(options, receiver.WithLogger(log))...)
	if err != nil {
		return nil, err
	}
	address := env.get("LISTEN")
	if address == "" {
		address = ":8443"
	}
	server, err := r.Server(address, certificate)
	if err != nil {
		return nil, err
	}
	doors, probes := server.Handler, serving.Probes(f)
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if _, pattern := probes.Handler(req); pattern != "" {
			probes.ServeHTTP(w, req)
		} else {
			doors.ServeHTTP(w, req)
		}
	})
	return server, nil
}
