package results_test

import (
	"math"
	"testing"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/results"
)

func cpus(values ...float64) []results.Measurement {
	var list []results.Measurement
	for _, v := range values {
		m := results.Measurement{CPUMicros: v}
		if v < 0 {
			m = results.Measurement{Error: "failed"}
		}
		list = append(list, m)
	}
	return list
}

func TestRatioOf(t *testing.T) {
	for name, test := range map[string]struct {
		a, b []results.Measurement
		want results.Ratio
		tie  bool
		text string
	}{
		"nothing": {tie: true, text: "–"},
		"one round is a tie": {cpus(1), cpus(2),
			results.Ratio{Median: 0.5, Low: 0.5, High: 0.5, N: 1}, true, "0.50 tie (one round)"},
		"less": {cpus(6, 7, 8, 9, 10), cpus(20, 20, 20, 20, 20),
			results.Ratio{Median: 0.4, Low: 0.35, High: 0.45, N: 5}, false, "0.40 (0.35–0.45)"},
		"more": {cpus(3, 4), cpus(2, 2),
			results.Ratio{Median: 1.75, Low: 1.625, High: 1.875, N: 2}, false, "1.75 (1.62–1.88)"},
		"tie": {cpus(9, 10, 12), cpus(10, 10, 10),
			results.Ratio{Median: 1, Low: 0.95, High: 1.1, N: 3}, true, "1.00 tie (0.95–1.10)"},
		"same round, whatever the speed of the machine": {cpus(1, 10, 100), cpus(2, 20, 200),
			results.Ratio{Median: 0.5, Low: 0.5, High: 0.5, N: 3}, false, "0.50 (0.50–0.50)"},
		"failed rounds do not shift the others": {cpus(-1, 10, 100, 5), cpus(2, -1, 200, 10, 7),
			results.Ratio{Median: 0.5, Low: 0.5, High: 0.5, N: 2}, false, "0.50 (0.50–0.50)"},
		"unknown numbers do not count": {cpus(0, 1), cpus(1, 0), results.Ratio{}, true, "–"},
	} {
		t.Run(name, func(t *testing.T) {
			got := results.RatioOf(test.a, test.b, func(m results.Measurement) float64 { return m.CPUMicros })
			near := func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }
			if got.N != test.want.N || !near(got.Median, test.want.Median) || !near(got.Low, test.want.Low) || !near(got.High, test.want.High) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if got.Tie() != test.tie || got.String() != test.text {
				t.Errorf("got %q, tie %t; want %q, %t", got, got.Tie(), test.text, test.tie)
			}
		})
	}
}
