// Package results holds what runs of the benchmark found, and makes tables and
// plots of it.
package results

import (
	"strconv"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/hotpath"
)

// Results is a run, as it is kept in a file of the folder runs, or several of them
// [Together].
type Results struct {
	Began    string   `json:"began"` // RFC 3339
	Minutes  float64  `json:"minutes"`
	Quick    bool     `json:"quick"`
	Command  string   `json:"command,omitempty"` // that makes such a run
	Code     Code     `json:"code,omitzero"`
	Machine  Machine  `json:"machine"`
	Versions Versions `json:"versions"`
	Cells    []Cell   `json:"cells"`
	Floor    []Floor  `json:"floor"`
	Growth   []Growth `json:"growth"`
	Profiles []Shares `json:"profiles"`

	Runs []*Results `json:"-"` // that it is made of; none: it is one itself
}

// Code is what was measured. Runs of before it was written down have none.
type Code struct {
	Commit  string          `json:"commit,omitempty"`  // empty: no git, or no repository of it
	Changed bool            `json:"changed,omitempty"` // there were changes that the commit does not have
	HotPath hotpath.Sources `json:"hot_path"`          // which tells code apart whatever became of the commit
}

// Machine is where a run was made, and how noisy it was.
type Machine struct {
	CPU   string  `json:"cpu"`
	Cores int     `json:"cores"`
	Noise float64 `json:"noise"` // (p90-p10)/median of a fixed piece of work, timed on the clients' core before each round of each kind
	OS    string  `json:"os"`
}

// Versions by name: go, java, kafka clients of each contender.
type Versions map[string]string

// A Cell is one kind of work on one cluster, by all contenders.
type Cell struct {
	Cluster string                   `json:"cluster"` // "1 x 3.9.2" or "3 x 4.3.1"
	Size    string                   `json:"size"`    // "1 KiB", "9 KB", "64 KB"
	Codec   string                   `json:"codec"`   // none, lz4, zstd
	Shape   string                   `json:"shape"`   // "64 x 1", "64 x 10" (callers x group), "pipeline"
	Rounds  map[string][]Measurement `json:"rounds"`  // by contender; index is the round
}

// A Measurement is one contender's part of one round of a cell.
type Measurement struct {
	Rate        float64 `json:"rate"`   // messages a second
	CPUMicros   float64 `json:"cpu_us"` // for each message
	Allocations float64 `json:"allocs"`
	AllocBytes  float64 `json:"alloc_bytes"`
	PeakKiB     int64   `json:"peak_kib"`
	P50Micros   float64 `json:"p50_us"`
	P99Micros   float64 `json:"p99_us"`
	P999Micros  float64 `json:"p999_us"`
	BatchBytes  float64 `json:"batch_bytes,omitempty"` // of a batch of records, on average, before compression
	FloorMicros float64 `json:"floor_us,omitempty"`    // CPU for each message of a floor with such batches, measured right after; 0 for most
	Error       string  `json:"error,omitempty"`       // then the rest is zero and the round does not count for this contender
}

// Rounded returns m with five digits of each number, which is more than a clock
// can tell.
func (m Measurement) Rounded() Measurement {
	for _, v := range []*float64{&m.Rate, &m.CPUMicros, &m.Allocations, &m.AllocBytes, &m.P50Micros, &m.P99Micros, &m.P999Micros, &m.BatchBytes, &m.FloorMicros} {
		if short, err := strconv.ParseFloat(strconv.FormatFloat(*v, 'g', 5, 64), 64); err == nil {
			*v = short
		}
	}
	return m
}

// Floor is what compressing, sealing and writing the same bytes costs.
type Floor struct {
	Size      string    `json:"size"`
	Codec     string    `json:"codec"`
	BatchKiB  int       `json:"batch_kib"` // bytes that are compressed together
	CPUMicros []float64 `json:"cpu_us"`    // for each message, by round
}

// Growth is how the cost of a message of ours changes with one thing.
type Growth struct {
	Of     string                   `json:"of"` // "callers", "partitions", "events a batch", "brokers"
	At     int                      `json:"at"`
	Rounds map[string][]Measurement `json:"rounds"`
}

// Shares is where the processor time of our process goes.
type Shares struct {
	Codec  string             `json:"codec"`
	Shares map[string]float64 `json:"shares"` // of 1, by kind
}
