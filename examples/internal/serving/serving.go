// Package serving is how the example services begin, answer probes, and end.
package serving

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/eventferry/eventferry/forwarder"
)

// grace is for the end of what is under way: Kubernetes kills after 30 seconds.
const grace = 25 * time.Second

// Probes answers /readyz, whether f takes batches, and /healthz, which says that the
// process runs.
func Probes(f *forwarder.Forwarder) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := f.Ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	return mux
}

// Until has servers of f serve until ctx ends. started is told their addresses. Then
// come the ends of the requests under way, so that each sender still gets a true answer,
// and after them that of f. What f leaves in its spool is for the next start.
func Until(ctx context.Context, f *forwarder.Forwarder, log *slog.Logger, started func(addresses []string), servers ...*http.Server) error {
	served := make(chan error, len(servers))
	var addresses []string
	for _, s := range servers {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.Addr)
		if err != nil {
			return err
		}
		defer s.Close()
		s.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelWarn)
		addresses = append(addresses, l.Addr().String())
		go func() {
			if s.TLSConfig == nil {
				served <- s.Serve(l)
			} else {
				served <- s.ServeTLS(l, "", "")
			}
		}()
	}
	started(addresses)
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	for _, s := range servers {
		if err := s.Shutdown(end); err != nil {
			return err
		}
	}
	if err := f.Shutdown(end); f.Spool() == nil {
		return err
	} else if err != nil {
		log.Warn("the next start goes on", slog.String("error", err.Error()))
	}
	return nil
}
