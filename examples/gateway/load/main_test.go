package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
)

// The short form of a run: some seconds, each kind of fault once, and nothing is lost,
// twice or out of order.
func TestLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three brokers of Apache Kafka and kills one, and -short is set")
	}
	k := apachekafka.New(t, apachekafka.WithBrokers(3))
	var out strings.Builder
	o := options{duration: 12 * time.Second, callers: 8, users: 10, most: 20_000, faults: true, every: time.Second, partitions: 6, spoolBytes: 1 << 30}
	require.NoError(t, run(t.Context(), k, o, &out, os.Stderr), "%s", &out)
	t.Log("\n" + out.String())
	assert.Contains(t, out.String(), "lost 0, twice 0, out of order 0, misplaced 0, foreign 0, changed 0")
	for _, none := range []string{"\n0 resets", " 0 kills of the gateway", " 0 kills of a broker", "confirmed                0 batches"} {
		assert.NotContains(t, out.String(), none)
	}
}

// A folder with something in it is not taken for the gateway's.
func TestRun_folder(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mine"), nil, 0o600))
	for _, dir := range []string{dir, filepath.Join(dir, "none")} {
		assert.ErrorContains(t, run(t.Context(), nil, options{dir: dir}, io.Discard, io.Discard), "it must be an empty folder")
	}
}

// A figure that was not measured is a failure, and so is a page that cannot be had.
func TestUsage(t *testing.T) {
	u := usage{syncs: 1, requests: 1, sentBytes: 1, written: 1}
	require.NoError(t, u.complete())
	for _, f := range []*float64{&u.syncs, &u.requests, &u.sentBytes, &u.written} {
		*f = 0
		assert.ErrorContains(t, u.complete(), "none may be 0")
		*f = 1
	}
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "eventferry_spool_syncs_total{a=\"b\"} 2\neventferry_spool_syncs_total{a=\"c\"} 3\n")
	}))
	g := &gateway{admin: page.Listener.Addr().String()}
	u, err := g.now(t.Context())
	require.NoError(t, err)
	assert.Equal(t, usage{syncs: 5}, u)
	http.DefaultClient.CloseIdleConnections()
	page.Close()
	_, err = g.now(t.Context())
	assert.Error(t, err)
}

func TestHistogram(t *testing.T) {
	var h, other histogram
	assert.Zero(t, h.quantile(0.5))
	for i := range 1000 {
		other.add(time.Duration(i+1) * time.Millisecond)
	}
	h.merge(&other)
	for q, want := range map[float64]float64{0.5: 500, 0.99: 990, 1: 1000} {
		assert.InEpsilon(t, want, ms(h.quantile(q)), 0.025)
	}
	h.add(time.Hour) // beyond its end, it counts as the longest
	assert.Greater(t, h.quantile(1), 20*time.Minute)
}
