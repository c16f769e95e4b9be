package bench

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/results"
)

func TestTuneOptions_cells(t *testing.T) {
	for name, tt := range map[string]struct {
		choice TuneOptions
		want   []string
	}{
		"rows":         {TuneOptions{Rows: []int{7, 1}}, []string{"9 KB lz4 64 x 1", "9 KB zstd 64 x 1", "9 KB zstd 64 x 10"}},
		"rows and all": {TuneOptions{Rows: []int{8}, Codec: "none"}, []string{"1 KiB none 64 x 100", "9 KB none 64 x 10"}},
		"work":         {TuneOptions{Size: "64", Codec: "lz4", Shape: "pipeline"}, []string{"64 KB lz4 pipeline"}},
		"one caller":   {TuneOptions{Size: "1", Shape: "single"}, []string{"1 KiB none 64 x 1", "1 KiB lz4 64 x 1", "1 KiB zstd 64 x 1"}},
		"nothing":      {TuneOptions{Rows: []int{1}, Codec: "none"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			tt.choice.Rounds = 2
			var names []string
			for _, c := range tt.choice.cells() {
				names = append(names, c.String())
				assert.Equal(t, 2, c.rounds)
				assert.Contains(t, c.contenders, peer.Engine)
			}
			assert.Equal(t, tt.want, names)
			_, err := tt.choice.stage()
			assert.Equal(t, tt.want == nil, err != nil)
		})
	}
	for _, c := range (TuneOptions{Rows: []int{1, 9}, Only: []string{peer.Franz}}).cells() {
		assert.Equal(t, []string{peer.Franz}, c.contenders)
	}
	_, err := TuneOptions{Profile: peer.Java}.stage()
	assert.Error(t, err)
}

// Every row of the bars is about work that there is, and all rows that are
// about the producer are of work that has a floor.
func TestTuneOptions_rows(t *testing.T) {
	for row := 1; row <= results.Rows; row++ {
		cells := TuneOptions{Rows: []int{row}}.cells()
		assert.NotEmpty(t, cells, row)
		for _, c := range cells {
			assert.Equal(t, row <= 6 || row == 8, c.hasFloor(peer.Engine) && row < 9, c)
		}
	}
	assert.Len(t, TuneOptions{Rows: []int{8}}.cells(), 6)
}

func TestParse(t *testing.T) {
	rows, err := ParseRows("1, 4,13")
	require.NoError(t, err)
	assert.Equal(t, []int{1, 4, 13}, rows)
	for _, wrong := range []string{"0", "14", "one", "1,x"} {
		_, err := ParseRows(wrong)
		assert.Error(t, err, wrong)
	}
	names, err := ParseContenders("engine,franz5,franz-go-5ms")
	require.NoError(t, err)
	assert.Equal(t, []string{peer.Engine, peer.FranzWait}, names)
	_, err = ParseContenders("unknown")
	assert.ErrorContains(t, err, `no contender is called "unknown"`)
}

func TestBatches(t *testing.T) {
	var b batches
	assert.Zero(t, b.mean())
	for _, bytes := range []int{100, 300} {
		b.OnFetchBatchRead(kgo.BrokerMetadata{}, "t", 0, kgo.FetchBatchMetrics{UncompressedBytes: bytes})
	}
	assert.InDelta(t, 200, b.mean(), 0)
}
