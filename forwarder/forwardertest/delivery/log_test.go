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
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSpace(l.text.String()), "\n")
}

func (l *log) option() forwarder.Option {
	return forwarder.WithLogger(slog.New(slog.NewTextHandler(l, nil)))
}

func quiet() forwarder.Option {
	return forwarder.WithLogger(slog.New(slog.DiscardHandler))
}
