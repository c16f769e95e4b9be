package machineload

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestAllow(t *testing.T) {
	for _, c := range []struct{ slowest, want time.Duration }{
		{0, time.Second},
		{atRest / 5, time.Second},
		{atRest, time.Second},
		{3 * atRest, 3 * time.Second},
	} {
		assert.Equal(t, c.want, allow(time.Second, c.slowest))
	}
}

func TestLoad(t *testing.T) {
	start := time.Now()
	l := Watch()
	assert.GreaterOrEqual(t, l.Allow(time.Second, start), time.Second)
	l.Stop()

	l.samples = []sample{{start, 3 * atRest}, {start.Add(time.Hour), 2 * atRest}}
	slow := func(since time.Time) time.Duration { return l.Allow(time.Second, since) }
	assert.GreaterOrEqual(t, slow(start), 3*time.Second)
	assert.Less(t, slow(start.Add(2*time.Hour)), 3*time.Second, "what was before does not count")
}

// What is late once is done again, and what is late each time is found.
func TestInTime(t *testing.T) {
	l := Watch()
	defer l.Stop()
	times := 0
	once := func() { times++ }
	assert.True(t, l.InTime(time.Hour, once))
	assert.Equal(t, 1, times)
	assert.False(t, l.InTime(-time.Hour, once), "nothing is as fast")
	assert.Equal(t, 1+3, times)
}
