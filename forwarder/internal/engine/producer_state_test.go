package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
)

// Kafka counts on with 0 after 2^31-1.
func TestProducerState_advance(t *testing.T) {
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
		p := producerState{nextSequence: c.from}
		p.advance(c.n)
		assert.Equal(t, c.want, p.nextSequence, "%d messages from %d on", c.n, c.from)
	}
}

// Epochs begin with number 0, and after the last one there is another producer.
func TestProducerState_restart(t *testing.T) {
	const outOfOrder, unknown, lost = sarama.ErrOutOfOrderSequenceNumber, sarama.ErrUnknownProducerID, sarama.ErrInvalidProducerIDMapping
	p := producerState{id: 7, epoch: 3, nextSequence: 100}
	p.restart(outOfOrder)
	assert.Equal(t, producerState{id: 7, epoch: 4, fresh: true}, p)
	p.advance(1)
	p.restart(unknown)
	assert.Equal(t, producerState{id: 7, epoch: 5, fresh: true}, p)
	p.restart(unknown)
	assert.Equal(t, producerState{id: noProducerID}, p, "the first of a fresh epoch is refused, too")

	p.begin(producerIDAnswer{id: 8, epoch: 2})
	assert.Equal(t, producerState{id: 8, epoch: 2, fresh: true}, p)
	p.advance(1)
	p.restart(fmt.Errorf("written: %w", lost))
	assert.Equal(t, producerState{id: noProducerID}, p, "the broker has lost it")

	p = producerState{id: 7, epoch: math.MaxInt16, nextSequence: 1}
	p.restart(outOfOrder)
	assert.Equal(t, producerState{id: noProducerID}, p, "after the last epoch")
}

func TestProducerIDAnswer_check(t *testing.T) {
	assert.NoError(t, producerIDAnswer{0, 0}.check())
	assert.Error(t, producerIDAnswer{-1, 0}.check())
	assert.Error(t, producerIDAnswer{1, -1}.check())
}

// The first retry is immediate, the longest back-off a second.
func TestBackoffAfter(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	for failures, most := range map[int]time.Duration{
		0: 0, 1: 0, 2: 50 * time.Millisecond, 3: 100 * time.Millisecond, 6: 800 * time.Millisecond, 7: time.Second, 1000: time.Second,
	} {
		for range 100 {
			d := backoffAfter(failures, chance)
			assert.LessOrEqual(t, d, most, failures)
			assert.GreaterOrEqual(t, d, most*8/10, failures)
		}
	}
}
