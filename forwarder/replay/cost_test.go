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
// pieces as large, without a Kafka. They take turns on one spool, since others use the
// disk as well, each of them first every other time:
//
//	go test -run '^$' -bench Run -benchtime 1x .
func BenchmarkRun(b *testing.B) {
	const count, rounds = 4000, 13
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
	bad := filepath.Join(b.TempDir(), "bad")
	for b.Loop() {
		f := openForwarder(b)
		ways := []func(round int){
			func(round int) {
				files := fstest.MapFS{fmt.Sprintf("round-%d", round): {Data: text.Bytes()}}
				result, err := Run(b.Context(), f, Options{Files: files, Bad: bad})
				require.NoError(b, err)
				require.Equal(b, count, result.Stored)
			},
			func(int) {
				for part := range slices.Chunk(bs, chunkBytes/9200) {
					require.Nil(b, f.StoreAll(b.Context(), part))
				}
			},
		}
		var ratios []float64
		var all [2]time.Duration
		for round := range rounds {
			var took [2]time.Duration
			for i := range took {
				way := (round + i) % 2
				began := time.Now()
				ways[way](round)
				took[way] = time.Since(began)
			}
			ratios = append(ratios, took[1].Seconds()/took[0].Seconds())
			all[0], all[1] = all[0]+took[0], all[1]+took[1]
		}
		require.NoError(b, f.Close())
		slices.Sort(ratios)
		b.Logf("%.0f batches/s replayed; %.2f of StoreAll from memory, in the median of rounds %.2f (%.2f to %.2f); to be 0.9 at least",
			rounds*count/all[0].Seconds(), all[1].Seconds()/all[0].Seconds(), ratios[rounds/2], ratios[0], ratios[rounds-1])
	}
}

func openForwarder(b *testing.B) *forwarder.Forwarder {
	b.Helper()
	s, err := spool.Open(b.Context(), b.TempDir(), spool.Options{MaxBytes: 1 << 30})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, s.Close()) })
	f, err := forwarder.New(b.Context(), settings.Settings{BootstrapServers: "127.0.0.1:1", TopicName: "events"},
		forwarder.WithSpool(s), forwarder.WithoutProbe(), forwarder.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(b, err)
	return f
}
