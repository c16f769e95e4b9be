package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestPacing_lingerTime(t *testing.T) {
	now := time.Now()
	one := []*inFlightRequest{{sentAt: now.Add(-3 * time.Millisecond)}}
	for name, c := range map[string]struct {
		average  time.Duration
		inFlight []*inFlightRequest
		pending  int
		want     time.Duration
	}{
		"nothing is in flight":                {10 * time.Millisecond, nil, 1, 0},
		"two are in flight":                   {10 * time.Millisecond, append(one, one...), 1 << 20, untilAnswer},
		"enough for a second":                 {10 * time.Millisecond, one, minPipelinedBytes, 0},
		"little, and the first has just left": {20 * time.Millisecond, one, 1, 2 * time.Millisecond},
		"little, but the first is half done":  {6 * time.Millisecond, one, 1, 0},
		"nothing is known of the broker":      {0, one, 1, untilAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			p := pacing{minBytes: minPipelinedBytes, averageRTT: c.average}
			assert.Equal(t, c.want, p.lingerTime(c.inFlight, c.pending, now))
		})
	}
}

func TestPacing_requestShare(t *testing.T) {
	one := []*inFlightRequest{{request: produceRequest{bytes: 600 << 10}}}
	p := pacing{minBytes: minPipelinedBytes}
	assert.Equal(t, minPipelinedBytes, p.requestShare(nil, 10<<10, false), "little goes at once")
	assert.Equal(t, 300<<10, p.requestShare(nil, 600<<10, false), "half of what waits")
	assert.Equal(t, 400<<10, p.requestShare(one, 200<<10, false), "requests in flight count")
	assert.Equal(t, 600<<10, p.requestShare(one, 600<<10, true), "all of it, while other brokers are busy")
	assert.Equal(t, minPipelinedBytes, p.requestShare(nil, 10<<10, true))
}
