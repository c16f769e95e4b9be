package replay

import (
	"bytes"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/spool"
	"github.com/eventferry/eventferry/settings"
)

// BenchmarkRun compares a replay with StoreAll of the same batches from memory, in
// pieces as large, without a Kafka:
//
//	go test -run '^$' -bench Run -benchtime 1x .
func BenchmarkRun(b *testing.B) {
	const count, rounds = 10_000, 7
	var text bytes.Buffer
	for n := range count {
		_, _ = fmt.Fprintf(&text, `{"mpid":%d,"text":%q,"events":[{"event_type":"custom_event","data":{}}]}`+"\n", n%100+1, strings.Repeat("0123456789abcdef", 570))
	}
	var bs []*batch.Batch
	for line := range bytes.Lines(text.Bytes()) {
		parsed, err := batch.Parse(bytes.TrimSpace(line))
		require.NoError(b, err)
		bs = append(bs, parsed)
	}
	for b.Loop() {
		var ratios, rates []float64
		for round := range rounds {
			var took [2]time.Duration
			for i := range took {
				way := (round + i) % 2
				f := openForwarder(b)
				began := time.Now()
				if way == 0 {
					result, err := Run(b.Context(), f, Options{Files: fstest.MapFS{"f": {Data: text.Bytes()}}, Bad: filepath.Join(b.TempDir(), "bad")})
					require.NoError(b, err)
					require.Equal(b, count, result.Stored)
				} else {
					for part := range slices.Chunk(bs, chunkBytes/9200) {
						require.Nil(b, f.StoreAll(b.Context(), part))
					}
				}
				took[way] = time.Since(began)
				require.NoError(b, f.Close())
			}
			ratios = append(ratios, took[1].Seconds()/took[0].Seconds())
			rates = append(rates, count/took[0].Seconds())
		}
		slices.Sort(ratios)
		slices.Sort(rates)
		b.Logf("%.0f batches/s replayed; %.2f of StoreAll from memory (%.2f to %.2f), to be 0.9 at least",
			rates[rounds/2], ratios[rounds/2], ratios[0], ratios[rounds-1])
	}
}

func openForwarder(b *testing.B) *forwarder.Forwarder {
	b.Helper()
	s, err := spool.Open(b.Context(), b.TempDir(), spool.Options{MaxBytes: 512 << 20})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, s.Close()) })
	f, err := forwarder.New(b.Context(), settings.Settings{BootstrapServers: "127.0.0.1:1", TopicName: "events"},
		forwarder.WithSpool(s), forwarder.WithoutProbe(), forwarder.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(b, err)
	return f
}
