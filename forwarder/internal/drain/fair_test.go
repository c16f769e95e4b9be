package drain

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// fairMemory is far less than what stands still in these tests.
const fairMemory = 64 << 10

// A standstill is a backlog of some partitions that cannot be delivered, ahead of one of
// the others that can.
type standstill struct {
	topics     int
	partitions int32
	bytes      int // of each message
	stands     func(topic int, partition int32) bool
}

var standstills = map[string]standstill{
	"a topic":            {2, 6, 1000, func(topic int, _ int32) bool { return topic == 0 }},
	"all topics but one": {4, 3, 1000, func(topic int, _ int32) bool { return topic < 3 }},
	"a partition":        {1, 3, 1000, func(_ int, id int32) bool { return id == 0 }},
	"most partitions":    {1, 4, 1000, func(_ int, id int32) bool { return id < 3 }},
	"all but one":        {1, 6, 960, func(_ int, id int32) bool { return id < 5 }},
	"partitions with less of their own than a message": {1, 40, 3000, func(_ int, id int32) bool { return id < 4 }},
	"a topic of messages as large as the memory":       {2, 1, fairMemory, func(topic int, _ int32) bool { return topic == 0 }},
}

// What stands still, however much of it lies ahead of the rest, holds up no other topic
// and no other partition, and the memory stays within its bound.
func TestDrain_standstill(t *testing.T) {
	for name, c := range standstills {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := c.run(t, func(*memory) {})
				assert.Positive(t, r.delivered)
				assert.Zero(t, r.left)
				assert.LessOrEqual(t, r.most, max(fairMemory, c.topics*(c.bytes+messageMemory)))
			})
		})
	}
}

// The check above finds a drain in which partitions have nothing of their own.
func TestDrain_standstillControls(t *testing.T) {
	stuck := &partitionMemory{} // has more than there is room for, for ever
	for name, c := range map[string]struct {
		of      string
		without func(*memory)
	}{
		"nothing is partitions' own":      {"all but one", func(m *memory) { m.own, m.first, m.over = 0, 0, stuck }},
		"no room for a partition's first": {"partitions with less of their own than a message", func(m *memory) { m.first, m.over = 0, stuck }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				assert.Positive(t, standstills[c.of].run(t, c.without).left)
			})
		})
	}
}

// Where what stands still has even the memory for partitions of which the producer has
// nothing, the topic says so, until there is room again.
func TestDrain_noMemoryIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t)
		topics, producers := topicsOf(s, 1)
		topics[0].Unsent = &Unsent{}
		p := producers[0]
		p.partitions.Store(40)
		for _, key := range keysOf(40) {
			store(t, s, topics[0], key, 6000)
		}
		d := New(Config{Store: s, Topics: topics, Hash: hash, MaxBytes: fairMemory, Settled: func(uint64, MessageResult, *Ended) {}})
		defer d.Close()
		time.Sleep(time.Second) //nolint:forbidigo // in a bubble
		synctest.Wait()
		w, ok := topics[0].Unsent.Waiting(time.Second)
		require.True(t, ok)
		require.ErrorIs(t, w.Cause, errNoMemory)
		assert.Equal(t, producer.NoPartition, w.Partition)
		assert.True(t, w.Certain)
		for p.count() > 0 {
			for id := range int32(40) {
				p.acknowledge(id)
			}
			synctest.Wait()
		}
		assert.False(t, waits(topics[0]))
		assert.Zero(t, s.Stats().Messages)
	})
}

// keysOf returns a key of each partition.
func keysOf(partitions int32) (keys []string) {
	for id := range partitions {
		n := 0
		for hash(fmt.Append(nil, n), partitions) != id {
			n++
		}
		keys = append(keys, fmt.Sprint(n))
	}
	return keys
}

// store stores a message, and does not wait for the sync.
func store(t *testing.T, s *spoolstore.Store, topic Topic, key string, bytes int) {
	t.Helper()
	_, err := s.Add(t.Context(), &spoolstore.Entry{
		Topic: topic.Name, Key: []byte(key), Messages: []spoolstore.Message{{Value: []byte(strings.Repeat("x", bytes))}},
	})
	require.NoError(t, err)
}

// standstillResult is of the messages that can be delivered, and the most bytes that the
// producers had.
type standstillResult struct{ delivered, left, most int }

// run stores the backlogs, and carries them until nothing moves any more.
func (c standstill) run(t *testing.T, without func(*memory)) (r standstillResult) {
	t.Helper()
	s := openStore(t)
	topics, producers := topicsOf(s, c.topics)
	for _, p := range producers {
		p.partitions.Store(c.partitions)
	}
	keys := keysOf(c.partitions)
	all := func(stands bool, f func(topic int, partition int32)) {
		for at := range topics {
			for id := range c.partitions {
				if c.stands(at, id) == stands {
					f(at, id)
				}
			}
		}
	}
	each := max(4, 4*fairMemory/c.bytes)
	for _, stands := range []bool{true, false} {
		for range each {
			all(stands, func(topic int, partition int32) { store(t, s, topics[topic], keys[partition], c.bytes) })
		}
	}
	all(false, func(int, int32) { r.left += each })
	d := newDrain(Config{Store: s, Topics: topics, Hash: hash, MaxBytes: fairMemory, Settled: func(uint64, MessageResult, *Ended) {}})
	without(&d.memory)
	d.start()
	defer d.Close()
	for moves := true; moves; {
		synctest.Wait()
		had := 0
		for _, p := range producers {
			had += p.held()
		}
		r.most, moves = max(r.most, had), false
		all(false, func(topic int, partition int32) {
			for {
				if _, _, ok := producers[topic].acknowledge(partition); !ok {
					return
				}
				r.delivered++
				r.left--
				moves = true
			}
		})
	}
	return r
}

// held is how many bytes it has.
func (p *fakeProducer) held() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bytes
}
