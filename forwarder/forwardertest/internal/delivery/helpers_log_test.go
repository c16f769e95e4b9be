package delivery

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"

	"github.com/eventferry/eventferry/forwarder"
)

// A log keeps what was logged.
type log struct {
	mu      sync.Mutex
	written bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.written.Write(p)
}

func (l *log) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.written.String()
}

func (l *log) lines() []string { return strings.Split(strings.TrimSpace(l.text()), "\n") }

func (l *log) option() forwarder.Option {
	return forwarder.WithLogger(slog.New(slog.NewTextHandler(l, nil)))
}

func quiet() forwarder.Option {
	return forwarder.WithLogger(slog.New(slog.DiscardHandler))
}
