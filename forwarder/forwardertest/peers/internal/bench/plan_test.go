package bench

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/results"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/work"
)

// One broker meets every size with every codec in every shape; Java is there
// for usual batches with a codec only.
func TestOneBroker(t *testing.T) {
	cells := oneBroker(false)
	assert.Len(t, cells, 27)
	names := map[string]bool{}
	var rows []int
	for row := 1; row <= results.Rows; row++ {
		rows = append(rows, row)
	}
	for _, c := range cells {
		names[c.String()] = true
		assert.GreaterOrEqual(t, c.rounds, rounds, c)
		assert.Subset(t, c.contenders, others(), c)
		assert.Equal(t, c.size == work.KB9() && c.codec != "none", slices.Contains(c.contenders, peer.Java), c)
		wanted := results.Wanted(rows, c.size.Name, c.codec, c.shape())
		assert.Subset(t, c.contenders, wanted, "%s: what the bars are about", c)
	}
	assert.Len(t, names, 27)
	assert.Contains(t, names, "1 KiB none 64 x 100")
	assert.Contains(t, names, "64 KB zstd pipeline")
}

func TestThreeBrokers(t *testing.T) {
	cells := threeBrokers()
	assert.Len(t, cells, 6)
	for _, c := range cells {
		assert.Contains(t, c.contenders, peer.Java)
		assert.Equal(t, work.KB9(), c.size)
	}
}

// A run does what it announces.
func TestEstimate(t *testing.T) {
	r := &run{}
	s := stage{cells: []cell{{contenders: others(), rounds: 5}}, growth: []growing{{cell: cell{contenders: others()[:2], rounds: 3}}}}
	assert.Equal(t, len(others())*5+2*3, r.estimate(s))
	assert.Equal(t, 5, s.rounds())
}

func TestBar(t *testing.T) {
	var out bytes.Buffer
	var b bar
	b.add(4)
	b.done(&out, 3*time.Second, "work", results.Measurement{Rate: 1000, CPUMicros: 5})
	b.done(&out, 5*time.Second, "more", results.Measurement{Error: "no"})
	assert.Equal(t, "[#####...............]    1 of 4,    9s left  "+
		"work                                                             1000/s     5.0 us\n"+
		"[##########..........]    2 of 4,    8s left  "+
		"more                                                         FAILED: no\n", out.String())
}

func TestSpreadOf(t *testing.T) {
	assert.Zero(t, spreadOf(nil))
	assert.Zero(t, spreadOf([]float64{2, 2, 2}))
	assert.InDelta(t, 0.5, spreadOf([]float64{10, 8, 12, 15, 7, 10, 10, 10, 10, 10, 13}), 1e-9)
}
