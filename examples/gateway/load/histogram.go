package main

import (
	"fmt"
	"math"
	"time"
)

// A histogram counts durations in steps of 2 %, from a microsecond to 20 minutes.
type histogram [1060]int

const stepRatio = 1.02

func (h *histogram) add(d time.Duration) {
	i := int(math.Log(max(1, float64(d.Microseconds()))) / math.Log(stepRatio))
	h[min(i, len(h)-1)]++
}

func (h *histogram) merge(other *histogram) {
	for i, n := range other {
		h[i] += n
	}
}

// quantile returns the upper end of the step that has it, 0 if there is nothing.
func (h *histogram) quantile(q float64) time.Duration {
	all := 0
	for _, n := range h {
		all += n
	}
	left := int(math.Ceil(q * float64(all)))
	for i, n := range h {
		if left -= n; left <= 0 && all > 0 {
			return time.Duration(math.Pow(stepRatio, float64(i+1)) * float64(time.Microsecond))
		}
	}
	return 0
}

// String returns the usual quantiles.
func (h *histogram) String() string {
	return fmt.Sprintf("p50 %.2f ms, p99 %.1f ms, p999 %.1f ms", ms(h.quantile(0.5)), ms(h.quantile(0.99)), ms(h.quantile(0.999)))
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
