package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/settings"
)

// Only what may work later is answered with "try again": a filter that fails for a batch
// would be met again and again.
func TestPost_filterFails(t *testing.T) {
	for name, c := range map[string]struct {
		filter     func(end context.CancelFunc, b *batch.Batch) error
		status     int
		retryAfter string
		logged     string
	}{
		"the batch is why": {
			func(_ context.CancelFunc, b *batch.Batch) error {
				return batch.MarkPermanent(b.At("user_attributes", "origin").Set("web"))
			},
			http.StatusUnprocessableEntity, "", "",
		},
		"not marked": {
			func(_ context.CancelFunc, b *batch.Batch) error { return b.At("user_attributes", "origin").Set("web") },
			http.StatusInternalServerError, "", `filter \"origin\": batch: set`,
		},
		"panic": {
			func(context.CancelFunc, *batch.Batch) error { panic("a mistake") },
			http.StatusInternalServerError, "", `filter \"origin\": panicked (string)`,
		},
		"no time left": {
			func(end context.CancelFunc, _ *batch.Batch) error {
				end()
				return errors.New("what it asks did not answer")
			},
			http.StatusServiceUnavailable, "5", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, end := context.WithCancel(t.Context())
			s := settings.Settings{BootstrapServers: "127.0.0.1:1", TopicName: "events"}
			f, err := forwarder.New(ctx, s, forwarder.WithoutProbe(), forwarder.WithLogger(slog.New(slog.DiscardHandler)),
				forwarder.WithFilterFunc("origin", func(_ context.Context, b *batch.Batch) error { return c.filter(end, b) }))
			require.NoError(t, err)
			defer f.Close()
			var log bytes.Buffer
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(ctx, "POST", "/batches", strings.NewReader(`{"mpid":1,"user_attributes":"text"}`))
			routes(f, http.NotFoundHandler(), slog.New(slog.NewTextHandler(&log, nil))).ServeHTTP(w, r)
			assert.Equal(t, c.status, w.Code, w.Body)
			assert.Equal(t, c.retryAfter, w.Header().Get("Retry-After"))
			if c.logged == "" {
				assert.Empty(t, log.String())
			} else {
				assert.Contains(t, log.String(), c.logged)
			}
		})
	}
}
