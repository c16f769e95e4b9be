package results_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/hotpath"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/results"
)

// Runs are told apart, and no ratio compares one with another.
func TestTogether(t *testing.T) {
	first, second, third := withFloors(29), withFloors(29), withFloors(29)
	second.Began, third.Began, third.Machine.CPU = "2026-01-03T03:04:05Z", "2026-02-01T03:04:05Z", "Other"
	third.Machine.Noise = 0.05
	third.Versions["go"] = "1.26.1"
	for _, r := range []*results.Results{second, third} {
		for _, c := range r.Cells {
			for name, list := range c.Rounds {
				for i := range list { // this run's machine is a hundred times as slow
					list[i].CPUMicros *= 100
					list[i].FloorMicros *= 100
				}
				if name == peer.Engine && r == third {
					for i := range list {
						list[i].CPUMicros *= 1.2
					}
				}
			}
		}
	}
	// In its second run this contender had more rounds than in the first, and in the
	// first another one had none.
	cellOf(t, second, "9 KB", "lz4", "64 x 10").Rounds[peer.Engine] = slices.Concat(rounds(30), rounds(30))
	delete(cellOf(t, first, "9 KB", "lz4", "64 x 10").Rounds, peer.Seam)

	all := results.Together([]*results.Results{first, second, third})
	c := cellOf(t, all, "9 KB", "zstd", "64 x 10")
	ratio := results.RatioOf(c.Rounds[peer.Engine], c.Rounds[peer.FranzWait], func(m results.Measurement) float64 { return m.CPUMicros })
	assert.Equal(t, 9, ratio.N)
	assert.InDelta(t, 0.75, ratio.Median, 1e-9)
	c = cellOf(t, all, "9 KB", "lz4", "64 x 10")
	assert.Len(t, c.Rounds[peer.Engine], 3+6+3)
	adapter := results.RatioOf(c.Rounds[peer.Seam], c.Rounds[peer.Sarama], func(m results.Measurement) float64 { return m.CPUMicros })
	assert.Equal(t, 6, adapter.N)
	assert.InDelta(t, 0.6, adapter.Median, 1e-9)

	bar := barsOf(all, 1)[0]
	require.Len(t, bar.ByRun, 3)
	assert.InDelta(t, 0.75, bar.ByRun[0].Median, 1e-9)
	assert.InDelta(t, 0.9, bar.ByRun[2].Median, 1e-9)
	contains(t, all.Markdown(), "| 2026-01-02T03:04:05Z | 61 |", "| 2026-02-01T03:04:05Z | 61 | Other, 2 cores, linux | 5.0 % |", "go 1.26.0 and 1.26.1",
		"9 KB, zstd, 64 x 10 | ≤ 0.95 | 0.75 (0.75–0.90) | 0.75, 0.75, 0.90 | yes |")
	rows, paragraph := rowsOf(t, all)
	contains(t, rows[0], "0.75 (", "; by run 0.75, 0.75, 0.90 |")
	contains(t, rows[3], "1 KiB: 1.10 (1.10–1.10); by run 1.10, 1.10, 1.10; 9 KB:")
	contains(t, paragraph, "Measured in 3 runs, of 2026-01-02, 2026-01-03, 2026-02-01 on Other.")
	for file, text := range all.Plots() {
		wellFormed(t, file, text)
	}
	floor := all.Floor[0].CPUMicros
	assert.Len(t, floor, 3+6+3, "each in its place, behind the runs before")
	assert.InDelta(t, 1, sum(all.Profiles[0].Shares), 1e-9)
	require.Error(t, results.Together([]*results.Results{first, noisy()}).CheckNoise())
}

func noisy() *results.Results {
	r := madeUp()
	r.Machine.Noise = 0.2
	return r
}

func sum(shares map[string]float64) (all float64) {
	for _, share := range shares {
		all += share
	}
	return all
}

// One run alone says the same as it does together with none.
func TestTogether_one(t *testing.T) {
	r := madeUp()
	all := results.Together([]*results.Results{r})
	assert.Equal(t, r.Summary(), all.Summary())
	assert.Equal(t, r.Plots(), all.Plots())
}

// A new run takes the place of those that have measured other code.
func TestRemoveOthers(t *testing.T) {
	dir := t.TempDir()
	_, err := results.LoadAll(dir)
	require.ErrorContains(t, err, "there is no run")
	old, same, unknown := madeUp(), madeUp(), madeUp()
	same.Began, unknown.Began = "2026-01-03T03:04:05Z", "2026-01-01T03:04:05Z"
	old.Code.HotPath = hotpath.Sources{"a.go": "1"}
	same.Code.HotPath = hotpath.Sources{"a.go": "2"}
	for _, r := range []*results.Results{same, old, unknown} {
		require.NoError(t, r.Save(filepath.Join(dir, r.FileName())))
	}
	runs, err := results.LoadAll(dir)
	require.NoError(t, err)
	require.Len(t, runs, 3)
	assert.Equal(t, []string{unknown.Began, old.Began, same.Began}, []string{runs[0].Began, runs[1].Began, runs[2].Began})

	require.NoError(t, results.RemoveOthers(dir, same.Code))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1)
	assert.Equal(t, "2026-01-03T030405Z.json.gz", left[0].Name())
}

// A file that was cut or changed is an error that names it.
func TestLoad_damaged(t *testing.T) {
	file := filepath.Join(t.TempDir(), "run.json.gz")
	require.NoError(t, madeUp().Save(file))
	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, damaged := range [][]byte{nil, whole[:len(whole)/2], whole[:len(whole)-3], append(slices.Clone(whole[:len(whole)-5]), 1, 2, 3, 4, 5)} {
		require.NoError(t, os.WriteFile(file, damaged, 0o600))
		_, err = results.Load(file)
		require.ErrorContains(t, err, "run.json.gz")
	}
}

func TestMeasurement_Rounded(t *testing.T) {
	m := results.Measurement{Rate: 10_230.456, CPUMicros: 0.300000004, P99Micros: 1_234_567, Error: "no", PeakKiB: 1_234_567}
	assert.Equal(t, results.Measurement{Rate: 10_230, CPUMicros: 0.3, P99Micros: 1_234_600, Error: "no", PeakKiB: 1_234_567}, m.Rounded())
}
