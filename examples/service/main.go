// Service is an HTTP service that embeds a forwarder. POST /batches takes one
// batch and answers once Kafka has it; examples/receiver takes lists of them. GET /ready is for readiness probes: it says
// whether batches are accepted, which they are while Kafka is away and there is room
// in the buffer. GET /health says whether every broker of the topic can be reached: a
// check for alarms, not one to restart the service by, nor to send it no traffic.
// GET /metrics has metrics for Prometheus. SIGTERM drains what is under way within the
// grace period.
//
//	go run ./examples/localkafka -out kafka.env     stays; in another terminal:
//	. ./kafka.env
//	go run ./examples/service -listen 127.0.0.1:8080
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/examples/internal/metrics"
	"github.com/eventferry/eventferry/examples/internal/version"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/settings"
)

const (
	maxWait = 10 * time.Second // for Kafka, of a request
	grace   = 25 * time.Second // Kubernetes kills after 30 s: leave some to the rest
	maxBody = 4 << 20          // bytes
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to serve on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	warnUnknown(log, os.Environ())
	l, err := net.Listen("tcp", *listen)
	if err == nil {
		err = run(ctx, l, os.LookupEnv, log)
	}
	if err != nil {
		log.Error("service ended", "err", err)
		os.Exit(1)
	}
}

// warnUnknown logs the variables that look like settings and are none.
func warnUnknown(log *slog.Logger, environ []string) {
	for _, v := range settings.Unknown(environ) {
		log.Warn("an environment variable is ignored", "variable", v)
	}
}

// run serves on l until ctx ends, then drains.
func run(ctx context.Context, l net.Listener, lookup func(string) (string, bool), log *slog.Logger) error {
	var s settings.Settings
	if err := s.SetFromEnv(lookup); err != nil {
		return err
	}
	telemetry, page, err := metrics.Page(ctx, "service", version.Text())
	if err != nil {
		return err
	}
	// Without the probe the service starts while Kafka is down; /health reports that.
	options := append(telemetry, forwarder.WithLogger(log), forwarder.WithoutProbe())
	f, err := forwarder.New(ctx, s, options...)
	if err != nil {
		return err
	}
	defer f.Close()
	srv := &http.Server{Handler: routes(f, page, log), ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	log.Info("serving", "address", l.Addr().String())
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	// First the server: its requests wait for Forward, so that each caller
	// still gets a true answer. Then the forwarder.
	if err := srv.Shutdown(end); err != nil {
		return err
	}
	return f.Shutdown(end)
}

func routes(f *forwarder.Forwarder, page http.Handler, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /batches", func(w http.ResponseWriter, r *http.Request) { post(w, r, f, log) })
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		if err := f.Ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		if err := f.Ping(ctx); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.Handle("GET /metrics", page)
	return mux
}

func post(w http.ResponseWriter, r *http.Request, f *forwarder.Forwarder, log *slog.Logger) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		code := http.StatusBadRequest
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			code = http.StatusRequestEntityTooLarge
		}
		http.Error(w, "reading the body: "+err.Error(), code)
		return
	}
	b, err := batch.Parse(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), maxWait)
	defer cancel()
	switch err := f.Forward(ctx, b); {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case forwarder.Permanent(err):
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
	case codeFailed(err) && ctx.Err() == nil: // with this batch it may fail each time: no Retry-After
		log.Error("a filter or a function for headers failed", "batch", b, "err", err)
		http.Error(w, "the batch could not be processed", http.StatusInternalServerError)
	case forwarder.NothingSent(err): // Kafka stayed away, the buffer full, or we are closing: safe to send again
		w.Header().Set("Retry-After", "5")
		http.Error(w, "try again", http.StatusServiceUnavailable)
	default: // perhaps in Kafka: sending it again may duplicate it
		if !errors.Is(err, context.Canceled) {
			log.Warn("outcome unknown", "batch", b, "err", err)
		}
		http.Error(w, "outcome unknown", http.StatusGatewayTimeout)
	}
}

// codeFailed reports whether code of this program, rather than Kafka, is why a batch was
// not sent.
func codeFailed(err error) bool {
	return errors.As(err, new(*forwarder.FilterError)) || errors.As(err, new(*forwarder.HeaderError))
}
