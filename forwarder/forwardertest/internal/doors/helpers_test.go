package doors

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/receiver"
	"github.com/eventferry/eventferry/settings"
)

const (
	hookSecret = "Bearer correct-horse"
	apiKey     = "us1-key"
	apiSecret  = "battery-staple"
)

// A house is a receiver with its doors, on a Kafka.
type house struct {
	kafka  *forwardertest.Kafka
	f      *forwarder.Forwarder
	url    string
	addr   string
	client *http.Client
	roots  *tls.Config

	where func() string          // the server, if it is not always at url
	keeps func(body string) bool // whether it is in quarantine, if that is not quarantined

	mu          sync.Mutex
	quarantined map[string]bool // bodies
	infos       []receiver.Info
}

// open starts all of a house. wrap may replace the forwarder, and change the server.
func open(t *testing.T, wrap func(*forwarder.Forwarder) receiver.Forwarder, change func(*http.Server), opts ...receiver.Option) *house {
	t.Helper()
	return openWithSpool(t, settings.Spool{}, wrap, change, opts...)
}

// openWithSpool is open with these settings of a spool.
func openWithSpool(t *testing.T, s settings.Spool, wrap func(*forwarder.Forwarder) receiver.Forwarder, change func(*http.Server), opts ...receiver.Option) *house {
	t.Helper()
	h := &house{kafka: forwardertest.NewKafka(t), quarantined: map[string]bool{}}
	h.build(t, h.forward(t.Context(), t, s), wrap, change, opts...)
	return h
}

// build makes the receiver of a house, and its server.
func (h *house) build(t *testing.T, f *forwarder.Forwarder, wrap func(*forwarder.Forwarder) receiver.Forwarder, change func(*http.Server), opts ...receiver.Option) {
	t.Helper()
	h.f = f
	feeds, err := receiver.StaticFeeds(
		receiver.Feed{Name: "hook", Secrets: []settings.Secret{settings.NewSecret(hookSecret)}},
		receiver.Feed{Name: "sdk", APIKey: apiKey, Secrets: []settings.Secret{settings.NewSecret(apiSecret)}},
	)
	require.NoError(t, err)
	var to receiver.Forwarder = f
	if wrap != nil {
		to = wrap(f)
	}
	r, err := receiver.New(to, feeds, append([]receiver.Option{
		receiver.WithLogger(slog.New(slog.DiscardHandler)),
		receiver.WithQuarantine(func(_ context.Context, q receiver.Quarantined) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.quarantined[string(q.Body)] = true
			return nil
		}),
		receiver.WithObserver(receiver.Observer{Done: func(_ context.Context, info receiver.Info) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.infos = append(h.infos, info)
		}}),
	}, opts...)...)
	require.NoError(t, err)

	issued, err := h.kafka.CA().IssueServer()
	require.NoError(t, err)
	certificate, err := issued.TLS()
	require.NoError(t, err)
	server, err := r.Server("", &tls.Config{Certificates: []tls.Certificate{certificate}})
	require.NoError(t, err)
	server.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	if change != nil {
		change(server)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- server.ServeTLS(l, "", "") }()
	t.Cleanup(func() {
		assert.NoError(t, server.Close())
		assert.ErrorIs(t, <-served, http.ErrServerClosed)
	})
	h.addr, h.url = l.Addr().String(), "https://"+l.Addr().String()
	h.roots = &tls.Config{RootCAs: h.kafka.CA().Pool(), ServerName: "127.0.0.1"}
	transport := &http.Transport{TLSClientConfig: h.roots.Clone(), MaxIdleConnsPerHost: 100, ForceAttemptHTTP2: true}
	h.client = &http.Client{Transport: transport}
	t.Cleanup(transport.CloseIdleConnections)
}

// forward starts a forwarder on the Kafka, which need not be there.
func (h *house) forward(ctx context.Context, t *testing.T, s settings.Spool) *forwarder.Forwarder {
	t.Helper()
	all := h.kafka.Settings()
	all.Spool = s
	f, err := forwarder.New(ctx, all, forwarder.WithLogger(slog.New(slog.DiscardHandler)), forwarder.WithoutProbe())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, f.Close()) })
	return f
}

// hook posts to the webhook. The status is 0 when there was no answer.
func (h *house) hook(ctx context.Context, body string) int {
	status, _ := h.post(ctx, receiver.WebhookPath, body, func(req *http.Request) { req.Header.Set("Authorization", hookSecret) })
	return status
}

// sdk posts to the Events API.
func (h *house) sdk(ctx context.Context, path, body string) (int, string) {
	return h.post(ctx, path, body, func(req *http.Request) { req.SetBasicAuth(apiKey, apiSecret) })
}

func (h *house) post(ctx context.Context, path, body string, authorize func(*http.Request)) (int, string) {
	url := h.url
	if h.where != nil {
		url = h.where()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+path, strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	authorize(req)
	resp, err := h.client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(text)
}

func (h *house) wasQuarantined(body string) bool {
	if h.keeps != nil {
		return h.keeps(body)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.quarantined[body]
}

// eventually waits for a condition, on a machine that may be busy.
func eventually(t *testing.T, condition func() bool, text string) {
	t.Helper()
	require.Eventually(t, condition, time.Minute, 5*time.Millisecond, text)
}
