package drain

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// passedOver is how many entries of a partition that stands still lie in the store in these
// tests.
const passedOver = 2000

// A passing is a drain that passes over them. It calls meanwhile after a few.
type passing struct {
	*Drain
	producers []*fakeProducer

	mu   sync.Mutex
	read []uint64 // by the cursor, in its order
}

func passOver(t *testing.T, topics int, meanwhile func(*passing)) *passing {
	t.Helper()
	s := openStore(t)
	list, producers := topicsOf(s, topics)
	producers[0].partitions.Store(1)
	for _, topic := range list {
		store(t, s, topic, "user", 1000)
	}
	for range passedOver {
		store(t, s, list[0], "user", 1000)
	}
	p := &passing{producers: producers}
	p.Drain = newDrain(Config{
		Store: s, Topics: list, Hash: hash, MaxBytes: 8 << 10, Settled: func(uint64, MessageResult, *Ended) {},
		Waits: func(r *spoolstore.Record) bool {
			p.mu.Lock()
			p.read = append(p.read, r.First)
			n := len(p.read)
			p.mu.Unlock()
			if n == passedOver/10 {
				meanwhile(p)
			}
			return false
		},
	})
	p.start()
	return p
}

// readBefore returns how many entries were read until the cursor went back.
func (p *passing) readBefore() (n int, back bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := 1; i < len(p.read); i++ {
		if p.read[i] < p.read[i-1] {
			return i, true
		}
	}
	return len(p.read), false
}

// Close does not wait until all is passed over.
func TestDrain_closeWhilePassingOver(t *testing.T) {
	reached := make(chan struct{})
	p := passOver(t, 1, func(p *passing) {
		close(reached)
		<-p.closing
	})
	<-reached
	p.Close()
	n, _ := p.readBefore()
	assert.Less(t, n, passedOver/5)
}

// The drain goes on with the new number of partitions, and with a topic that has become
// known, before all is passed over.
func TestDrain_knownWhilePassingOver(t *testing.T) {
	for name, c := range map[string]struct{ topics, which int }{"growth": {1, 0}, "a topic": {2, 1}} {
		t.Run(name, func(t *testing.T) {
			p := passOver(t, c.topics, func(p *passing) { p.producers[c.which].partitions.Store(2) })
			defer p.Close()
			require.Eventually(t, func() bool { _, back := p.readBefore(); return back }, time.Minute, time.Millisecond)
			n, _ := p.readBefore()
			assert.Less(t, n, passedOver/5)
		})
	}
}
