package drain

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
)

// A message larger than what its partition has of its own gets there while others, of which
// there is always more, move.
func TestDrain_largeAmongSmall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t)
		topics, producers := topicsOf(s, 1)
		p := producers[0]
		p.partitions.Store(40)
		keys := keysOf(40)
		for _, key := range keys[1:] {
			store(t, s, topics[0], key, 3000)
		}
		store(t, s, topics[0], keys[0], 20000)
		const each = 60
		for range each {
			for _, key := range keys[1:] {
				store(t, s, topics[0], key, 3000)
			}
		}
		d := New(Config{Store: s, Topics: topics, Hash: hash, MaxBytes: fairMemory, Settled: func(uint64, MessageResult, *Ended) {}})
		defer d.Close()
		acknowledged, at := 0, -1
		for moves := true; moves; {
			moves = false
			for id := range int32(40) {
				synctest.Wait()
				if _, _, ok := p.acknowledge(id); ok {
					acknowledged++
					moves = true
					if id == 0 {
						at = acknowledged
					}
				}
			}
		}
		assert.Positive(t, at)
		assert.Less(t, at, acknowledged/2)
		assert.LessOrEqual(t, p.most, fairMemory+20000, "one message more than there is room for")
	})
}
