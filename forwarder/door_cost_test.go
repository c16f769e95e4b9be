package forwarder_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/internal/testbatch"
	"github.com/eventferry/eventferry/forwarder/receiver"
	"github.com/eventferry/eventferry/settings"
)

const hookSecret = "Bearer correct-horse"

// promptWebhook returns the handler of a webhook whose forwarder acknowledges at once.
func promptWebhook(t testing.TB) http.Handler {
	t.Helper()
	feeds, err := receiver.StaticFeeds(receiver.Feed{Name: "hook",
		Secrets: []settings.Secret{settings.NewSecret(hookSecret), settings.NewSecret("Bearer battery-staple")}})
	require.NoError(t, err)
	f := forwarder.NewPrompt(t)
	t.Cleanup(func() { assert.NoError(t, f.Close()) })
	r, err := receiver.New(f, feeds, receiver.WithLogger(slog.New(slog.DiscardHandler)),
		receiver.WithTrustedProxies(netip.MustParsePrefix("127.0.0.0/8")))
	require.NoError(t, err)
	return r.Webhook()
}

// bareWebhook is the least that a webhook with the same promises does: it reads the body
// into memory of its own, hashes, parses and forwards it.
func bareWebhook(t testing.TB) http.Handler {
	t.Helper()
	f := forwarder.NewPrompt(t)
	t.Cleanup(func() { assert.NoError(t, f.Close()) })
	var digests atomic.Uint64
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body := make([]byte, req.ContentLength)
		_, err := io.ReadFull(req.Body, body)
		if err == nil {
			digest := sha256.Sum256(body)
			digests.Add(uint64(digest[0]))
			var b *batch.Batch
			if b, err = batch.Parse(body); err == nil {
				err = f.Forward(req.Context(), b)
			}
		}
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
}

// discard is what both are compared with.
func discard(w http.ResponseWriter, req *http.Request) {
	_, _ = io.Copy(io.Discard, req.Body)
	w.WriteHeader(http.StatusOK)
}

// A replay is a request that can be served again, and the writer of its answer.
type replay struct {
	req    *http.Request
	body   *bytes.Reader
	header http.Header
	status int
}

func newReplay(t testing.TB, data []byte) *replay {
	p := &replay{body: bytes.NewReader(data), header: http.Header{}}
	p.req = httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", p)
	p.req.RemoteAddr, p.req.ContentLength = "127.0.0.1:1", int64(len(data))
	p.req.Header.Set("Authorization", hookSecret)
	return p
}

func (p *replay) Read(b []byte) (int, error)      { return p.body.Read(b) }
func (p *replay) Close() error                    { return nil }
func (p *replay) SetReadDeadline(time.Time) error { return nil }
func (p *replay) Header() http.Header             { return p.header }
func (p *replay) Write(b []byte) (int, error)     { return len(b), nil }
func (p *replay) WriteHeader(status int)          { p.status = status }

// A webhook post allocates few things beyond a handler that reads and discards its
// body: filters and encoding of the default settings are among them.
func TestAllocations_webhook(t *testing.T) {
	var posts []*replay
	for _, data := range testbatch.Batches(401, 10, 1) {
		posts = append(posts, newReplay(t, data))
	}
	measure := func(h http.Handler) int {
		i, failed := 0, 0
		n := testing.AllocsPerRun(len(posts)-1, func() {
			h.ServeHTTP(posts[i], posts[i].req)
			if posts[i].status != http.StatusOK {
				failed++
			}
			i++
		})
		require.Zero(t, failed)
		for _, p := range posts {
			_, err := p.body.Seek(0, io.SeekStart)
			require.NoError(t, err)
		}
		return int(n)
	}
	ours, theirs := measure(promptWebhook(t)), measure(http.HandlerFunc(discard))
	for range 4 { // a collection in between empties the pools, and so does the race detector at times
		ours = min(ours, measure(promptWebhook(t))) // another one, which does not know the posts
	}
	t.Logf("%d allocations, %d of a handler that discards", ours, theirs)
	assert.LessOrEqual(t, ours-theirs, 12)
}

// BenchmarkWebhook compares the webhook with a handler that reads and discards, and with
// the least that keeps its promises: the same client, 9 KB, 64 connections that are kept,
// a forwarder whose producer acknowledges at once. It asserts nothing, and prints rates
// and their ratios, by processor time where the system tells it:
//
//	go test -run '^$' -bench Webhook ./forwarder
func BenchmarkWebhook(b *testing.B) {
	const connections, passes = 64, 15
	data := testbatch.Batches(4000, 10, 1)
	hook := newLoad(b, promptWebhook(b), data, connections)
	bare := newLoad(b, bareWebhook(b), data, connections)
	plain := newLoad(b, http.HandlerFunc(discard), data, connections)
	all := []*load{hook, bare, plain}
	for _, l := range all {
		l.pass(b) // opens the connections
		l.rates = nil
	}
	for b.Loop() {
		for range passes {
			for _, l := range all {
				l.pass(b)
			}
		}
	}
	fmt.Fprintf(os.Stdout, "posts in a second of %s, client included: webhook %.0f, least %.0f, read and discard %.0f; webhook %s of read and discard, >= 0.7, and %s of the least; the least %s\n",
		forwarder.Clock, hook.median(), bare.median(), plain.median(), ratio(hook, plain), ratio(hook, bare), ratio(bare, plain))
	b.ReportMetric(0, "ns/op") // of no meaning here
}

// ratio returns the median of the ratios of passes side by side, with the quartiles.
func ratio(l, other *load) string {
	var ratios []float64
	for i := range l.rates {
		ratios = append(ratios, l.rates[i]/other.rates[i])
	}
	slices.Sort(ratios)
	n := len(ratios)
	return fmt.Sprintf("%.2f (%.2f to %.2f)", ratios[n/2], ratios[n/4], ratios[n*3/4])
}

// A load posts batches to one server.
type load struct {
	url     string
	data    [][]byte
	next    atomic.Int64
	clients []*http.Client // one for each connection
	rates   []float64      // posts in a second of the clock, by pass
}

func newLoad(b *testing.B, h http.Handler, data [][]byte, connections int) *load {
	server := httptest.NewServer(h)
	b.Cleanup(server.Close)
	l := &load{url: server.URL, data: data}
	for range connections {
		l.clients = append(l.clients, &http.Client{Transport: &http.Transport{
			MaxConnsPerHost: 1,
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, addr)
			},
		}})
	}
	return l
}

func (l *load) median() float64 { return slices.Sorted(slices.Values(l.rates))[len(l.rates)/2] }

// pass posts for about 300 ms.
func (l *load) pass(b *testing.B) {
	start, began, posted := time.Now(), forwarder.Now(), atomic.Int64{}
	var posts sync.WaitGroup
	for _, c := range l.clients {
		posts.Go(func() {
			for time.Since(start) < 300*time.Millisecond {
				n := l.next.Add(1)
				body := l.data[n%int64(len(l.data))]
				if n >= int64(len(l.data)) { // another message_id: a repetition would cost less
					body = bytes.Replace(body, []byte(`"message_id":"`), fmt.Appendf(nil, `"message_id":"%d-`, n), 1)
				}
				req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, l.url, bytes.NewReader(body))
				if err != nil {
					b.Error(err)
					return
				}
				req.Header.Set("Authorization", hookSecret)
				resp, err := c.Do(req)
				if err != nil {
					b.Error(err)
					return
				}
				var text strings.Builder
				_, _ = io.Copy(&text, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					b.Error(resp.Status, text.String())
					return
				}
				posted.Add(1)
			}
		})
	}
	posts.Wait()
	l.rates = append(l.rates, float64(posted.Load())/(forwarder.Now()-began).Seconds())
}
