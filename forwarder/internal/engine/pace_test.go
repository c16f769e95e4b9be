package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestPace_hold(t *testing.T) {
	now := time.Now()
	one := []*flight{{sent: now.Add(-3 * time.Millisecond)}}
	for name, c := range map[string]struct {
		usual   time.Duration
		air     []*flight
		pending int
		want    time.Duration
	}{
		"the wire is free":                    {10 * time.Millisecond, nil, 1, 0},
		"two are under way":                   {10 * time.Millisecond, append(one, one...), 1 << 20, forAnAnswer},
		"enough for a second":                 {10 * time.Millisecond, one, goodBytes, 0},
		"little, and the first has just left": {20 * time.Millisecond, one, 1, 2 * time.Millisecond},
		"little, but the first is half done":  {6 * time.Millisecond, one, 1, 0},
		"nothing is known of the broker":      {0, one, 1, forAnAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			p := pace{good: goodBytes, usual: c.usual}
			assert.Equal(t, c.want, p.hold(c.air, c.pending, now))
		})
	}
}

func TestPace_share(t *testing.T) {
	one := []*flight{{request: request{bytes: 600 << 10}}}
	p := pace{good: goodBytes}
	assert.Equal(t, goodBytes, p.share(nil, 10<<10), "little goes at once")
	assert.Equal(t, 300<<10, p.share(nil, 600<<10), "half of what waits")
	assert.Equal(t, 400<<10, p.share(one, 200<<10), "what is under way counts")
}
