package timestamp

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestClock_Next(t *testing.T) {
	const second, hour = int64(1000), int64(3600 * 1000)
	start := time.UnixMilli(1_800_000_000_000)
	for name, c := range map[string]struct{ clock, want []int64 }{
		"goes on":                  {[]int64{0, 5, 5, 6}, []int64{0, 5, 5, 6}},
		"set back a little":        {[]int64{0, -second, 1}, []int64{0, 0, 1}},
		"set back by a minute":     {[]int64{0, -60 * second, 1}, []int64{0, 0, 1}},
		"was two hours ahead":      {[]int64{2 * hour, 0, second}, []int64{2 * hour, 60 * second, 60 * second}},
		"was two hours ahead once": {[]int64{0, 2 * hour, second, 100 * second}, []int64{0, 2 * hour, 61 * second, 100 * second}},
	} {
		t.Run(name, func(t *testing.T) {
			var clock Clock
			for i, at := range c.clock {
				got := clock.Next(start.Add(time.Duration(at) * time.Millisecond))
				assert.Equal(t, c.want[i], got-start.UnixMilli(), "timestamp %d", i)
			}
		})
	}
}
