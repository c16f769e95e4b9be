package receiver

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
)

// Every request is counted once, by what it was answered.
func TestStats_posts(t *testing.T) {
	b := newBench(t)
	server, err := b.r.Server(":1", &tls.Config{})
	require.NoError(t, err)
	send := func(method, path, authorization, body string) {
		req := request(method, path, strings.NewReader(body))
		req.Header.Set("Authorization", authorization)
		do(server.Handler, req)
	}
	assert.Empty(t, b.r.Stats().Posts)
	send(http.MethodPost, WebhookPath, hookSecret, `{"mpid":1,"events":[]}`)
	send(http.MethodPost, WebhookPath, hookSecret, `{"mpid":2,"events":[]}`)
	send(http.MethodPost, WebhookPath, hookSecret, `[{"mpid":3},{"mpid":1.5},{"mpid":"x"}]`)
	send(http.MethodPost, WebhookPath, "Wrong-Secret", `{}`)
	send(http.MethodGet, WebhookPath, hookSecret, ``)
	send(http.MethodPost, "/hook", hookSecret, `{}`)
	b.post(bulkPath, `[{"mpid":"5","events":[{"event_type":"custom_event","data":{}}]},{"mpid":"x"}]`)
	b.fail(func(*batch.Batch) error { panic("of the caller's") })
	send(http.MethodPost, WebhookPath, hookSecret, `{"mpid":4,"events":[]}`)
	assert.Equal(t, []PostStats{
		{Status: 404, Posts: 1},
		{Door: ServerDoor, Feed: "sdk", Status: 202, Posts: 1},
		{Door: WebhookDoor, Status: 401, Posts: 1},
		{Door: WebhookDoor, Status: 405, Posts: 1},
		{Door: WebhookDoor, Feed: "hook", Status: 200, Posts: 2},
		{Door: WebhookDoor, Feed: "hook", Status: 400, Posts: 1},
		{Door: WebhookDoor, Feed: "hook", Status: 500, Posts: 1},
	}, b.r.Stats().Posts)
	assert.Equal(t, []RefusedStats{
		{Door: ServerDoor, Feed: "sdk", Quarantined: 1},
		{Door: WebhookDoor, Feed: "hook", Quarantined: 2},
	}, b.r.Stats().Refused, "each batch of an array")
}

// A request whose answer cannot be written is counted once, as the others are.
func TestStats_panicWhileWriting(t *testing.T) {
	b := newBench(t)
	w := &panickingWriter{ResponseRecorder: httptest.NewRecorder()}
	req := request(http.MethodPost, "/webhook", strings.NewReader(`{"mpid":1,"events":[]}`))
	req.Header.Set("Authorization", hookSecret)
	b.webhook.ServeHTTP(w, req)
	assert.Equal(t, []PostStats{{Door: WebhookDoor, Feed: "hook", Status: 200, Posts: 1}}, b.r.Stats().Posts)
}

// A panickingWriter is that of a middleware which panics at the first answer.
type panickingWriter struct {
	*httptest.ResponseRecorder
	calls int
}

func (w *panickingWriter) WriteHeader(status int) {
	if w.calls++; w.calls == 1 {
		panic(http.ErrAbortHandler)
	}
	w.ResponseRecorder.WriteHeader(status)
}

// What the quarantine does not take, and what none could, is told apart.
func TestStats_refused(t *testing.T) {
	failing := newBench(t, WithQuarantine(func(context.Context, Quarantined) error { return errors.New("no such folder") }))
	says(t, failing.hook(`{"mpid":1.5}`), http.StatusServiceUnavailable, codeUnavailable, "")
	says(t, failing.hook(`{"mpid":1.5}`), http.StatusServiceUnavailable, codeUnavailable, "")
	assert.Equal(t, []RefusedStats{{Door: WebhookDoor, Feed: "hook", Failed: 2}}, failing.r.Stats().Refused)
	none := newBench(t, WithQuarantine(nil))
	says(t, none.hook(`{"mpid":1.5}`), http.StatusBadRequest, codeBadRequest, "")
	assert.Equal(t, []RefusedStats{{Door: WebhookDoor, Feed: "hook", Discarded: 1}}, none.r.Stats().Refused)
}

// Counts of one key at once are all there, and one of a key that is known takes no memory.
func TestCountTable(t *testing.T) {
	var c counts
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 1000 {
				c.posted(WebhookDoor, fmt.Sprint("feed ", j%10), 200+i%2)
			}
		})
	}
	all.Wait()
	total, keys := int64(0), 0
	for _, n := range c.posts.all() {
		total += n.Load()
		keys++
	}
	assert.Equal(t, int64(8000), total)
	assert.Equal(t, 20, keys)
	assert.Zero(t, testing.AllocsPerRun(100, func() { c.posted(WebhookDoor, "feed 1", 200) }))
}

// With more feeds than are counted apart the others are counted together.
func TestCountTable_bounded(t *testing.T) {
	var c counts
	for i := range maxCounted + 7 {
		c.posted(WebhookDoor, fmt.Sprint(i), 200)
		c.refuse(WebhookDoor, fmt.Sprint(i), fateQuarantined)
	}
	assert.Len(t, c.posts.all(), maxCounted+1)
	assert.Equal(t, int64(7), c.posts.all()[postKey{WebhookDoor, otherFeed, 200}].Load())
	assert.Equal(t, int64(7), c.refused.all()[refusalKey{WebhookDoor, otherFeed, fateQuarantined}].Load())
}

// The log names the peer of a refused post, and nothing that the peer wrote.
func TestLog_namesThePeer(t *testing.T) {
	b := newBench(t)
	req := request(http.MethodPost, "/anywhere", bytes.NewBufferString(`{}`))
	req.RemoteAddr = "10.1.2.3:4711"
	req.Header.Set("Authorization", "Wrong-Secret")
	req.Header.Set("X-Forwarded-For", "jane@example.com")
	says(t, do(b.webhook, req), http.StatusUnauthorized, codeCredentials, "")
	assert.Contains(t, b.log.String(), " remote=10.1.2.3:4711 ")
	for _, secret := range payload {
		assert.NotContains(t, b.log.String(), secret)
	}
}

// The end of the certificate is that of the one which is shown now.
func TestStats_certificateExpires(t *testing.T) {
	first, second := time.Unix(1_800_000_000, 0).UTC(), time.Unix(1_900_000_000, 0).UTC()
	b := newBench(t)
	assert.Zero(t, b.r.Stats().CertificateExpires, "no server yet")
	serve := func(c *tls.Config) {
		_, err := b.r.Server(":1", c)
		require.NoError(t, err)
	}
	serve(&tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{certificate(t, second), certificate(t, first)}}}})
	assert.Equal(t, first, b.r.Stats().CertificateExpires, "the first of the chain to end")

	now, failure := certificate(t, first), error(nil)
	serve(&tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		return &tls.Certificate{Certificate: [][]byte{now}}, failure
	}})
	assert.Equal(t, first, b.r.Stats().CertificateExpires)
	now = certificate(t, second)
	assert.Equal(t, second, b.r.Stats().CertificateExpires, "it was renewed")

	serve(&tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, errors.New("no name") }})
	assert.Zero(t, b.r.Stats().CertificateExpires)
	serve(&tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) { panic(h.Conn.RemoteAddr()) }})
	assert.Zero(t, b.r.Stats().CertificateExpires, "it needs a connection")
	serve(&tls.Config{})
	assert.Zero(t, b.r.Stats().CertificateExpires)
}

func certificate(t *testing.T, end time.Time) []byte {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	require.NoError(t, err)
	return der
}
