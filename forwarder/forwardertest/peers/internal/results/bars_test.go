package results_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/results"
)

// withFloors is madeUp with floors below our producer and the adapter.
func withFloors(micros float64) *results.Results {
	r := madeUp()
	for _, c := range r.Cells {
		for _, name := range []string{peer.Engine, peer.Seam} {
			for i := range c.Rounds[name] {
				c.Rounds[name][i].FloorMicros = micros * (1 + 0.1*float64(i))
				c.Rounds[name][i].BatchBytes = 100 << 10
			}
		}
	}
	return r
}

// cellOf is one that bars are about.
func cellOf(t *testing.T, r *results.Results, size, codec, shape string) results.Cell {
	t.Helper()
	i := slices.IndexFunc(r.Cells, func(c results.Cell) bool {
		return strings.HasPrefix(c.Cluster, "1 x ") && c.Size == size && c.Codec == codec && c.Shape == shape
	})
	require.GreaterOrEqual(t, i, 0, "no %s, %s, %s", size, codec, shape)
	return r.Cells[i]
}

func barsOf(r *results.Results, row int) []results.Bar {
	return slices.DeleteFunc(r.Bars(), func(b results.Bar) bool { return b.Row != row })
}

func TestBars(t *testing.T) {
	r := withFloors(29)
	for _, b := range r.Bars() {
		assert.True(t, b.Met, "%+v", b)
		assert.Equal(t, 3, b.Ours.N, b.About)
		assert.Contains(t, b.About, map[int]string{9: "of Forward", 10: "of the whole way", 11: "of the whole way", 12: "of the webhook"}[b.Row])
	}
	first := barsOf(r, 1)
	require.Len(t, first, 2)
	assert.InDelta(t, 30.0/40, first[0].Ours.Median, 1e-9, "the linger of 5 ms is the better one here")
	assert.InDelta(t, 36.0/40, first[0].Adapter.Median, 1e-9)
	assert.InDelta(t, 30.0/36, first[0].ToAdapter.Median, 1e-9)
	assert.InDelta(t, 30.0/60, first[0].ToAsync.Median, 1e-9)
	assert.InDelta(t, 30.0/29, first[1].Ours.Median, 1e-9, "each round has its own floor")
	assert.Zero(t, first[1].ToAdapter.N, "their floors differ")
	waiting := barsOf(r, 7)
	require.Len(t, waiting, 4)
	assert.InDelta(t, 50.0/30, waiting[0].Ours.Median, 1e-9, "to no linger, though it is not the better one")
	assert.InDelta(t, 30.0/50, waiting[1].Ours.Median, 1e-9)

	text := r.Markdown()
	contains(t, text, "## Bars", "| row | bar | ours | by run | met | adapter |",
		"| 1: CPU to franz-go with its better linger, 9 KB, zstd, 64 x 10 | ≤ 0.95 | 0.75 (0.75–0.75) | – | yes | 0.90 (0.90–0.90) | 0.83 (0.83–0.83) | 0.50 (0.50–0.50) |",
		"| 7: p99 to franz-go without linger, 9 KB, lz4, 64 x 1 | no worse | 0.60 (0.60–0.60) | – | yes |",
		"| 8: messages/s to the fastest of franz-go and AsyncProducer, geometric mean of rows 1 to 6 | ≥ 1.10 | 1.33 (1.33–1.33) | – | yes |",
		"| 9: CPU of Forward to franz-go with its better linger, 9 KB, zstd, 64 x 1 | ≤ 1.12 | 1.10 (1.10–1.10) | – | yes | 1.38 (1.38–1.38) | 0.80 (0.80–0.80) | – |")
	contains(t, text,
		"| 10: CPU of the whole way from bytes to encoding/json, structs and franz-go, 9 KB, zstd, 64 x 10 | ≤ 0.50 | 0.25 (0.25–0.25) | – | yes | – | – | – |",
		"| 10: messages/s of the whole way from bytes to encoding/json, structs and franz-go, 1 KiB, zstd, 64 x 100 | ≥ 1.80 | 4.00 (4.00–4.00) | – | yes |",
		"| 11: CPU of the whole way from bytes to the best JSON library and franz-go, 9 KB, zstd, 64 x 10 | ≤ 0.80 | 0.65 (0.65–0.65) | – | yes |",
		"| 12: CPU of the webhook, clients included to encoding/json, structs and franz-go behind net/http, 9 KB, zstd, 64 x 1 | ≤ 0.70 | 0.25 (0.25–0.25) | – | yes |")
	_, paragraph := rowsOf(t, r)
	contains(t, paragraph, "met: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13; not met: none.")
}

// A row is as good as its worst line.
func TestBars_notMet(t *testing.T) {
	r := withFloors(20)
	cellOf(t, r, "9 KB", "none", "64 x 10").Rounds[peer.Engine] = rounds(50)
	cellOf(t, r, "1 KiB", "none", "64 x 100").Rounds[peer.Engine] = failed("refused")
	cellOf(t, r, "9 KB", "zstd", "64 x 1").Rounds[peer.Forward] = rounds(50)
	_, paragraph := rowsOf(t, r)
	contains(t, paragraph, "met: 4, 5, 7, 10, 11, 12, 13; not met: 1, 2, 3, 9; not measured: 6, 8; worse than our adapter to AsyncProducer: 3.")
	contains(t, r.Markdown(), "| 6: CPU to franz-go with its better linger, 1 KiB, none, 64 x 100 | ≤ 1.35 | – | – | – | 0.90 (0.90–0.90) | – | – |",
		"| 3: CPU to franz-go with its better linger, 9 KB, none, 64 x 10 | ≤ 1.05 | 1.25 (1.25–1.25) | – | no | 0.90 (0.90–0.90) | 1.39 (1.39–1.39) | 0.83 (0.83–0.83) |")
}

// A mean is made of rounds that all of its cells have.
func TestBars_mean(t *testing.T) {
	r := withFloors(20)
	cellOf(t, r, "1 KiB", "lz4", "64 x 100").Rounds[peer.Engine] = rounds(30 / 1.1)
	cellOf(t, r, "9 KB", "lz4", "64 x 10").Rounds[peer.Engine] = rounds(30 * 1.1)
	cellOf(t, r, "9 KB", "none", "64 x 10").Rounds[peer.Engine][1] = results.Measurement{Error: "out of memory"}
	mean := barsOf(r, 8)[0]
	assert.Equal(t, 2, mean.Ours.N)
	assert.InDelta(t, 40.0/30, mean.Ours.Median, 1e-9)
	assert.InDelta(t, 40.0/36, mean.Adapter.Median, 1e-9)
}

// No worse is what the noise cannot tell apart; a limit below is one.
func TestBars_noWorse(t *testing.T) {
	r := withFloors(20)
	c := cellOf(t, r, "9 KB", "zstd", "64 x 1")
	c.Rounds[peer.Engine] = slices.Concat(rounds(49)[:1], rounds(51)[1:])
	p99 := barsOf(r, 7)[1]
	assert.Greater(t, p99.Ours.Median, 1.0)
	assert.True(t, p99.Met)
	c.Rounds[peer.Engine] = rounds(51)
	assert.False(t, barsOf(r, 7)[1].Met)
	c.Rounds[peer.Engine] = rounds(51)[:1]
	assert.False(t, barsOf(r, 7)[1].Met, "one round says nothing of the noise")
}

func TestWanted(t *testing.T) {
	assert.Equal(t, []string{peer.Engine, peer.Seam, peer.Franz, peer.FranzWait, peer.FranzLong}, results.Wanted([]int{1}, "9 KB", "zstd", "64 x 10"))
	assert.Equal(t, []string{peer.Engine, peer.Seam, peer.Franz}, results.Wanted([]int{1, 7}, "9 KB", "lz4", "64 x 1"))
	assert.Contains(t, results.Wanted([]int{8}, "1 KiB", "none", "64 x 100"), peer.Sarama)
	assert.Contains(t, results.Wanted([]int{9}, "9 KB", "zstd", "64 x 1"), peer.Forward)
	assert.Equal(t, []string{peer.FromBytes, peer.Structs, peer.StructsWait}, results.Wanted([]int{10}, "1 KiB", "zstd", "64 x 100"))
	assert.Empty(t, results.Wanted([]int{1, 2}, "1 KiB", "zstd", "64 x 100"))
}

func TestText(t *testing.T) {
	r := withFloors(20)
	r.Cells = r.Cells[:2]
	r.Cells[0].Rounds[peer.Sarama] = failed("broker gone")
	text := r.Text()
	contains(t, text, "1 x 3.9.2, 1 KiB, none, 64 x 1\n", "to best, franz-go-5ms", "sarama failed: broker gone (round 2)\n",
		"6: CPU to franz-go with its better linger, 1 KiB, none, 64 x 100", "0.75 (0.75–0.75)")
	assert.NotContains(t, text, "4: CPU", "there is nothing of it")
	for _, line := range strings.Split(text, "\n") {
		if name, numbers, _ := strings.Cut(strings.TrimSpace(line), " "); name == peer.Engine {
			assert.Equal(t, []string{"33.0", "0.75", "0.75", "30303", "1.33", "1.33", "9.90", "100", "22.0", "1.50"}, strings.Fields(numbers))
		}
	}
}
