package drain

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// While a partition that has room looks through all that others have in the store, these
// go on when they have room, too.
func TestDrain_turn(t *testing.T) {
	const far, ahead = 0, 1 // partitions
	const first, entries, bytes = 6, 300, 30_000
	const last = first + entries + 1
	s := openStore(t)
	topics, producers := topicsOf(s, 1)
	p := producers[0]
	p.partitions.Store(2)
	keys := keysOf(2)
	add := func(key string) {
		_, err := s.Add(t.Context(), &spoolstore.Entry{
			Topic: topics[0].Name, Key: []byte(key), Messages: []spoolstore.Message{{Value: []byte(strings.Repeat("x", bytes))}},
		})
		require.NoError(t, err)
	}
	for range first {
		add(keys[far])
	}
	for range entries {
		add(keys[ahead])
	}
	add(keys[far])
	var at atomic.Uint64
	var looking, gone atomic.Bool
	sent := make(chan int, 1) // how many of the others' were sent when it has looked through all
	reached, goOn := make(chan struct{}), make(chan struct{})
	d := newDrain(Config{
		Store: s, Topics: topics, Hash: hash, MaxBytes: 16 * bytes, Settled: func(uint64, MessageResult, *Ended) {},
		Waits: func(r *spoolstore.Record) bool {
			at.Store(r.First)
			switch {
			case r.First == first+entries/4 && looking.CompareAndSwap(true, false):
				close(reached)
				<-goOn
			case r.First == last && gone.CompareAndSwap(true, false):
				sent <- len(p.submitted(ahead))
			}
			return false
		},
	})
	d.turnAfter = 10 * bytes
	d.start()
	defer d.Close()
	require.Eventually(t, func() bool { return at.Load() == last }, time.Minute, time.Millisecond)
	looking.Store(true)
	for range first { // then it has room, and its next message is behind all others
		require.Eventually(t, func() bool { _, _, ok := p.acknowledge(far); return ok }, time.Minute, time.Millisecond)
	}
	<-reached
	had := len(p.submitted(ahead))
	require.Positive(t, had)
	for range had {
		p.acknowledge(ahead)
	}
	gone.Store(true)
	close(goOn)
	assert.Positive(t, <-sent)
	require.Eventually(t, func() bool { return len(p.submitted(far)) == 1 }, time.Minute, time.Millisecond)
}
