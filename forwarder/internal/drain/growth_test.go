package drain

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// What growth moves waits for what the producer has of the same user for the former
// partition, however much of others has been read meanwhile.
func TestDrain_movedUserWaits(t *testing.T) {
	const moved, stays = "a", "d"
	require.Equal(t, []int32{1, 0}, []int32{hash([]byte(moved), 2), hash([]byte(stays), 2)})
	s := openStore(t)
	p := &fakeProducer{store: s, queues: map[int32][]*queued{}}
	p.partitions.Store(1)
	d := New(Config{
		Store: s, Topics: []Topic{{Producer: p, Partitions: p.partitions.Load}}, Hash: hash, MaxBytes: 1 << 20,
		Settled: func(uint64, MessageResult, *Ended) {},
	})
	defer d.Close()
	add := func(key string) {
		ticket, err := s.Add(t.Context(), &spoolstore.Entry{Key: []byte(key), Messages: make([]spoolstore.Message, 1)})
		require.NoError(t, err)
		require.NoError(t, ticket.Wait(t.Context()))
	}
	submitted := func(n int) {
		t.Helper()
		require.Eventually(t, func() bool { return p.count() == n }, time.Minute, time.Millisecond, "%d messages", n)
	}
	add(moved)
	submitted(1)
	p.partitions.Store(2)
	for n := range 3 { // the drain begins with the new number, and has read beyond that
		add(stays)
		submitted(2 + n)
	}
	add(moved)
	add(stays)
	submitted(5) // all but what was moved, which it has read before the last one
	assert.Equal(t, map[int32][]string{0: {moved, stays, stays, stays, stays}}, p.keys())

	number, key, ok := p.acknowledge(0)
	require.True(t, ok)
	assert.Equal(t, moved, key)
	assert.Equal(t, uint64(1), number)
	submitted(5) // one less, and one more
	assert.Equal(t, map[int32][]string{0: {stays, stays, stays, stays}, 1: {moved}}, p.keys())
}

// keys are those of the messages that it has, by partition and in their order.
func (p *fakeProducer) keys() map[int32][]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	keys := map[int32][]string{}
	for id, queue := range p.queues {
		for _, q := range queue {
			keys[id] = append(keys[id], string(q.group.Messages[q.index].Key))
		}
	}
	return keys
}

// count is how many messages it has.
func (p *fakeProducer) count() int {
	n := 0
	for _, keys := range p.keys() {
		n += len(keys)
	}
	return n
}
