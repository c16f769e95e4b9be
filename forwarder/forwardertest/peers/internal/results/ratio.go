package results

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A Ratio is what one contender has or needs compared with another: the median
// and the quartiles of the ratios within each round. Rounds are minutes apart
// and a machine's speed drifts, so only what shared a round is compared.
type Ratio struct {
	Median, Low, High float64
	N                 int // rounds that count
}

// RatioOf is of(a)/of(b). The same index is the same round. A round in which
// either failed, is missing, or has no positive number does not count.
func RatioOf(a, b []Measurement, of func(Measurement) float64) Ratio {
	var list []float64
	for i := range min(len(a), len(b)) {
		if counts(a[i], of) && counts(b[i], of) {
			list = append(list, of(a[i])/of(b[i]))
		}
	}
	return ratioOf(list)
}

func ratioOf(list []float64) Ratio {
	if len(list) == 0 {
		return Ratio{}
	}
	low, median, high := quartiles(list)
	return Ratio{Median: median, Low: low, High: high, N: len(list)}
}

// Tie is whether the difference lies inside the quartiles. With fewer than two
// rounds it always does: one number has no spread, so its quartiles are the
// number itself, and any noise would pass for a difference.
func (r Ratio) Tie() bool { return r.N < 2 || r.Low <= 1 && 1 <= r.High }

// String is the median with its quartiles, and says so where that is a tie:
// "0.93 (0.90–0.97)" or "1.02 tie (0.97–1.05)".
func (r Ratio) String() string {
	switch {
	case r.N == 0:
		return none
	case r.Tie():
		return fmt.Sprintf("%.2f tie %s", r.Median, r.spread())
	}
	return fmt.Sprintf("%.2f %s", r.Median, r.spread())
}

func (r Ratio) spread() string {
	if r.N == 1 {
		return "(one round)"
	}
	return fmt.Sprintf("(%.2f–%.2f)", r.Low, r.High)
}

// medians has those of each run.
func medians(byRun []Ratio) string {
	if len(byRun) == 0 {
		return none
	}
	list := make([]string, 0, len(byRun))
	for _, r := range byRun {
		if r.N == 0 {
			list = append(list, none)
			continue
		}
		list = append(list, number(r.Median, 2))
	}
	return strings.Join(list, ", ")
}

// better says which direction is better: less processor time, but more messages.
type better bool

const (
	less better = true
	more better = false
)

// counts reports whether a number counts. Zero stands for an unknown number, and
// is in every number of a failed round.
func counts(m Measurement, of func(Measurement) float64) bool { return m.Error == "" && of(m) > 0 }

// valuesOf are the numbers of the rounds that count.
func valuesOf(rounds []Measurement, of func(Measurement) float64) []float64 {
	var list []float64
	for _, m := range rounds {
		if counts(m, of) {
			list = append(list, of(m))
		}
	}
	return list
}

// medianOf is NaN where no round counts.
func medianOf(rounds []Measurement, of func(Measurement) float64) float64 {
	_, median, _ := quartiles(valuesOf(rounds, of))
	return median
}

// quartiles and median, by linear interpolation between the two nearest of the
// sorted numbers, the first of which stands at 0 and the last at 1.
func quartiles(list []float64) (low, median, high float64) {
	if len(list) == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	sorted := slices.Sorted(slices.Values(list))
	at := func(q float64) float64 {
		whole, part := math.Modf(q * float64(len(sorted)-1))
		i := int(whole)
		if part == 0 {
			return sorted[i]
		}
		return sorted[i] + part*(sorted[i+1]-sorted[i])
	}
	return at(0.25), at(0.5), at(0.75)
}
