package receiver

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/settings"
)

// A recorder is a forwarder that remembers what it was given.
type recorder struct {
	mu    sync.Mutex
	kept  []string
	calls int
	next  func(b *batch.Batch) error // nil: all is kept
}

func (r *recorder) Forward(ctx context.Context, b *batch.Batch) error {
	return r.forward(b)
}

func (r *recorder) ForwardAll(ctx context.Context, bs []*batch.Batch) []error {
	errs := make([]error, len(bs))
	failed := false
	for i, b := range bs {
		errs[i] = r.forward(b)
		failed = failed || errs[i] != nil
	}
	if !failed {
		return nil
	}
	return errs
}

func (r *recorder) forward(b *batch.Batch) error {
	r.mu.Lock()
	r.calls++
	next := r.next
	r.mu.Unlock()
	if next != nil {
		if err := next(b); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept = append(r.kept, string(b.AppendJSON(nil)))
	return nil
}

func (r *recorder) fail(next func(b *batch.Batch) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next = next
}

func (r *recorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.kept...)
}

func (r *recorder) called() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls
}

// A bench is a receiver with all that it tells.
type bench struct {
	*recorder
	r       *Receiver
	webhook http.Handler
	server  http.Handler
	log     bytes.Buffer
	mu      sync.Mutex
	infos   []Info
	kept    []Quarantined
	clock   time.Time
}

const (
	hookSecret  = "Bearer correct-horse"
	otherSecret = "Bearer battery-staple"
	apiKey      = "us1-key"
	apiSecret   = "staple-horse"
)

func newBench(t *testing.T, opts ...Option) *bench {
	t.Helper()
	b := &bench{recorder: &recorder{}, clock: time.UnixMilli(1_700_000_000_000)}
	feeds, err := StaticFeeds(
		Feed{Name: "hook", Secrets: []settings.Secret{settings.NewSecret(hookSecret), settings.NewSecret(otherSecret)}},
		Feed{Name: "sdk", APIKey: apiKey, Secrets: []settings.Secret{settings.NewSecret(apiSecret)}},
	)
	require.NoError(t, err)
	b.r, err = New(b.recorder, feeds, append([]Option{
		WithLogger(slog.New(slog.NewTextHandler(&b.log, nil))),
		WithObserver(Observer{Done: func(_ context.Context, info Info) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.infos = append(b.infos, info)
		}}),
		WithQuarantine(func(_ context.Context, q Quarantined) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.kept = append(b.kept, q)
			return nil
		}),
	}, opts...)...)
	require.NoError(t, err)
	b.r.options.now = func() time.Time { return b.clock }
	b.r.keeper.now = b.r.options.now
	b.webhook, b.server = b.r.Webhook(), b.r.ServerAPI()
	return b
}

func (b *bench) lastInfo(t *testing.T) Info {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	require.NotEmpty(t, b.infos)
	return b.infos[len(b.infos)-1]
}

func (b *bench) quarantined() []Quarantined {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Quarantined(nil), b.kept...)
}

func request(method, path string, body io.Reader) *http.Request {
	req := httptest.NewRequestWithContext(context.Background(), method, path, body)
	req.TLS = &tls.ConnectionState{}
	return req
}

// hook posts to the webhook with a secret that is right.
func (b *bench) hook(body string) *httptest.ResponseRecorder {
	req := request(http.MethodPost, "/anywhere", bytes.NewBufferString(body))
	req.Header.Set("Authorization", hookSecret)
	return do(b.webhook, req)
}

// post posts to the Events API with credentials that are right.
func (b *bench) post(path, body string) *httptest.ResponseRecorder {
	req := request(http.MethodPost, path, bytes.NewBufferString(body))
	req.SetBasicAuth(apiKey, apiSecret)
	return do(b.server, req)
}

func do(h http.Handler, req *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

// problems returns the errors of an answer.
func problems(t *testing.T, w *httptest.ResponseRecorder) []apiProblem {
	t.Helper()
	if w.Body.Len() == 0 {
		return nil
	}
	assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
	var body struct{ Errors []apiProblem }
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
	require.NotEmpty(t, body.Errors)
	return body.Errors
}

// secrets must be nowhere but in what was kept.
var payload = []string{"correct-horse", "battery-staple", apiSecret, "jane@example.com", "Wrong-Secret"}

// says checks status, code and message of an answer.
func says(t *testing.T, w *httptest.ResponseRecorder, status int, code, message string) {
	t.Helper()
	require.Equal(t, status, w.Code, w.Body.String())
	all := problems(t, w)
	if code == "" {
		require.Empty(t, all)
		return
	}
	require.NotEmpty(t, all)
	assert.Equal(t, code, all[0].Code)
	assert.Contains(t, all[0].Message, message)
	for _, secret := range payload {
		assert.NotContains(t, w.Body.String(), secret)
	}
}

var errDown = errors.New("broker b1:9093 is away")
