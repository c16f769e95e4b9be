// Package peer is what the benchmark and the processes it measures have in
// common: the job that one of them is given on its standard input, and the
// report that it writes to its standard output, both as JSON.
package peer

// Waves is how many times over all that may be out at once is acknowledged in
// the measured time, at least: what begins or ends within a wave is counted by
// halves.
const Waves = 10

// MaxMeasureMillis ends the measured time although there were fewer waves.
const MaxMeasureMillis = 3000

// A Job is one measurement: from the first acknowledgement on first Warm, then
// Measure, and longer until there were Waves.
type Job struct {
	Contender string `json:"contender"`

	Servers  string `json:"servers"` // host:port, comma-separated
	Topic    string `json:"topic"`   // exists, and is empty
	User     string `json:"user"`
	Password string `json:"password"` // made up for this run
	CAFile   string `json:"ca_file"`

	Codec string `json:"codec"` // none, lz4 or zstd at level 1
	Pool  string `json:"pool"`  // file with the messages, as package work writes it

	Callers int  `json:"callers"`  // each waits for the acknowledgement of its group
	Group   int  `json:"group"`    // messages that a caller hands over at once
	Pipe    bool `json:"pipeline"` // one caller that does not wait; Callers x Group are out at once

	WarmMillis    int `json:"warm_ms"`
	MeasureMillis int `json:"measure_ms"`

	Profile string `json:"profile,omitempty"` // file for a CPU profile of the measured time; Go only
}

// A Report is what a job found. Messages, Seconds and what follows are of the
// measured time only; Sent is of the whole job.
type Report struct {
	Sent     int64 `json:"sent"` // acknowledged, warm-up included: what must be in the topic
	Messages int64 `json:"messages"`

	Seconds     float64 `json:"seconds"`
	CPUMicros   float64 `json:"cpu_us"`      // processor time of the process, for each message
	Allocations float64 `json:"allocs"`      // objects for each message; 0 where that is not known
	AllocBytes  float64 `json:"alloc_bytes"` // for each message; 0 where that is not known
	PeakKiB     int64   `json:"peak_kib"`    // VmHWM of the process
	P50Micros   float64 `json:"p50_us"`      // from handing over to acknowledgement, of a group
	P99Micros   float64 `json:"p99_us"`
	P999Micros  float64 `json:"p999_us"`

	Error string `json:"error,omitempty"`
}
