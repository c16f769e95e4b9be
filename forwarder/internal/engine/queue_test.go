package engine

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// Kafka counts on with 0 after 2^31-1.
func TestProducer_advance(t *testing.T) {
	for _, c := range []struct {
		from int32
		n    int
		want int32
	}{
		{0, 0, 0},
		{0, 1, 1},
		{math.MaxInt32 - 1, 1, math.MaxInt32},
		{math.MaxInt32, 1, 0},
		{math.MaxInt32 - 4, 10, 5},
	} {
		p := producer{next: c.from}
		p.advance(c.n)
		assert.Equal(t, c.want, p.next, "%d messages from %d on", c.n, c.from)
	}
}

// Epochs begin with number 0, and after the last one there is another producer.
func TestProducer_restart(t *testing.T) {
	p := producer{id: 7, epoch: 3, next: 100}
	p.restart()
	assert.Equal(t, producer{id: 7, epoch: 4}, p)
	p.epoch = math.MaxInt16
	p.restart()
	assert.Equal(t, producer{id: noProducer}, p)
}

// The first retry is immediate, the longest pause a second.
func TestPause(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	for failures, most := range map[int]time.Duration{
		0: 0, 1: 0, 2: 50 * time.Millisecond, 3: 100 * time.Millisecond, 6: 800 * time.Millisecond, 7: time.Second, 1000: time.Second,
	} {
		for range 100 {
			d := pause(failures, chance)
			assert.LessOrEqual(t, d, most, failures)
			assert.GreaterOrEqual(t, d, most*8/10, failures)
		}
	}
}
