package main

import (
	"os"
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
	assert.Contains(t, out.String(), "lost 0, twice 0, out of order 0, misplaced 0, foreign 0")
	for _, none := range []string{"\n0 resets", " 0 kills of the gateway", " 0 kills of a broker", "confirmed                0 batches"} {
		assert.NotContains(t, out.String(), none)
	}
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
