// Package uniform tells whether choices were made evenly.
package uniform

import "math"

// Chance returns how probable counts at least as uneven as these are if each
// choice is as likely as any other: Pearson's chi-squared test, with the
// approximation of Wilson and Hilferty.
func Chance(counts []int) float64 {
	total := 0
	for _, n := range counts {
		total += n
	}
	if total == 0 || len(counts) < 2 {
		return 1
	}
	expected := float64(total) / float64(len(counts))
	sum := 0.0
	for _, n := range counts {
		d := float64(n) - expected
		sum += d * d / expected
	}
	degrees := float64(len(counts) - 1)
	w := 2 / (9 * degrees)
	z := (math.Cbrt(sum/degrees) - (1 - w)) / math.Sqrt(w)
	return math.Erfc(z/math.Sqrt2) / 2
}

// Unlikely is the chance below which choices count as uneven. Even choices come
// below it once in a million times.
const Unlikely = 1e-6
