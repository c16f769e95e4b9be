package window

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// A fakeClock has both clocks of a machine.
type fakeClock struct{ now Instant }

func newFakeClock() *fakeClock {
	return &fakeClock{Instant{Wall: time.UnixMilli(1_700_000_000_000), Since: time.Hour}}
}

func (c *fakeClock) read() Instant { return c.now }

// pass lets time go by.
func (c *fakeClock) pass(d time.Duration) {
	c.now.Wall, c.now.Since = c.now.Wall.Add(d), c.now.Since+d
}

// set sets the wall clock.
func (c *fakeClock) set(by time.Duration) { c.now.Wall = c.now.Wall.Add(by) }

func TestPace(t *testing.T) {
	c := newFakeClock()
	var p pace
	begin := p.at(c.read())
	passed := func() time.Duration { return p.at(c.read()) - begin }

	c.pass(time.Minute)
	assert.Equal(t, time.Minute, passed())
	c.set(-time.Hour)
	assert.Equal(t, time.Minute, passed(), "set back")
	c.pass(time.Minute)
	assert.Equal(t, 2*time.Minute, passed())
	c.set(24 * time.Hour)
	assert.Equal(t, 24*time.Hour+2*time.Minute, passed(), "set forward")
	c.set(-24 * time.Hour)
	c.pass(time.Second)
	assert.Equal(t, 24*time.Hour+2*time.Minute+time.Second, passed())
	for range 1000 { // slewed, and read often
		c.pass(time.Second)
		c.set(time.Millisecond)
	}
	slewed := passed() - (24*time.Hour + 2*time.Minute + time.Second)
	assert.GreaterOrEqual(t, slewed, 1000*time.Second)
	assert.LessOrEqual(t, slewed, 1001*time.Second+2*jump)
	for i := range 1000 { // and noisy
		before := passed()
		c.set([]time.Duration{time.Millisecond, -time.Millisecond}[i%2])
		assert.Equal(t, before, passed())
	}
}

func TestClock(t *testing.T) {
	clock := Clock()
	a := clock()
	b := clock()
	assert.GreaterOrEqual(t, b.Since, a.Since)
	assert.WithinDuration(t, time.Now(), b.Wall, time.Minute)
}
