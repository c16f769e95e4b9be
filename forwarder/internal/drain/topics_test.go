package drain

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// topicsOf returns n topics, each with a producer of its own.
func topicsOf(s *spoolstore.Store, n int) (topics []Topic, producers []*fakeProducer) {
	for i := range n {
		p := &fakeProducer{store: s, queues: map[int32][]*queued{}}
		producers = append(producers, p)
		topics = append(topics, Topic{Name: fmt.Sprint("topic ", i), Producer: p, Partitions: p.partitions.Load})
	}
	return topics, producers
}

// addFor stores an entry with so many messages for each topic.
func addFor(t *testing.T, s *spoolstore.Store, key string, messages int, topics ...Topic) (first uint64) {
	t.Helper()
	e := &spoolstore.Entry{Topic: topics[0].Name, Key: []byte(key)}
	for i, topic := range topics {
		for range messages {
			m := spoolstore.Message{Value: []byte("v")}
			if i > 0 {
				m.Topic = topic.Name
			}
			e.Messages = append(e.Messages, m)
		}
	}
	ticket, err := s.Add(t.Context(), e)
	require.NoError(t, err)
	require.NoError(t, ticket.Wait(t.Context()))
	return ticket.First
}

// Each topic gets its messages of an entry, and ends by itself. One whose partitions
// are not known gets its own when they are.
func TestDrain_topicNotKnown(t *testing.T) {
	s := openStore(t)
	topics, producers := topicsOf(s, 3)
	producers[0].partitions.Store(1)
	var mu sync.Mutex
	var ended []*Ended
	d := New(Config{Store: s, Topics: topics, Hash: hash, MaxBytes: 1 << 20, Settled: func(_ uint64, _ MessageResult, e *Ended) {
		mu.Lock()
		defer mu.Unlock()
		if e != nil {
			ended = append(ended, e)
		}
	}})
	defer d.Close()
	first := addFor(t, s, "user", 2, topics...)
	requireSubmitted(t, producers[0], 0, first, first+1)
	producers[0].acknowledge(0)
	producers[0].acknowledge(0)
	second := addFor(t, s, "user", 1, topics...)
	requireSubmitted(t, producers[0], 0, second)
	assert.Empty(t, producers[1].submitted(0))
	producers[2].partitions.Store(1)
	requireSubmitted(t, producers[2], 0, first+4, first+5, second+2)
	producers[1].partitions.Store(1)
	requireSubmitted(t, producers[1], 0, first+2, first+3, second+1)
	producers[1].acknowledge(0)
	producers[1].acknowledge(0)
	mu.Lock()
	defer mu.Unlock()
	require.Len(t, ended, 2)
	for i, want := range []Ended{{First: first, Topic: "topic 0", From: 0, Messages: 2}, {First: first, Topic: "topic 1", From: 2, Messages: 2}} {
		got := *ended[i]
		assert.Len(t, got.Results, 2)
		assert.Equal(t, want.Topic, got.Results[0].Topic)
		assert.Equal(t, want.From, got.Results[0].Index)
		got.Results, got.Accepted = nil, want.Accepted
		assert.Equal(t, want, got)
	}
}

// What a former process has intended for one topic stays in its partition, and says
// nothing of the entry's messages for another one.
func TestDrain_intendedForOneTopic(t *testing.T) {
	s := openStore(t)
	topics, producers := topicsOf(s, 2)
	user := movedUser(t, 0, 2)
	first := addFor(t, s, user, 2, topics...)
	require.NoError(t, s.Intend([]spoolstore.Intent{{
		Partition: spoolstore.Partition{Topic: topics[0].Name}, Messages: []spoolstore.Range{{First: first, Next: first + 1}},
	}}))
	recovered, err := Recover(s, false, func(uint64, MessageResult, *Ended) {}, func(Doubt) {})
	require.NoError(t, err)
	require.Len(t, recovered, 1)
	topics[0].Recovered = recovered[topics[0].Name]
	require.Len(t, topics[0].Recovered, 1)
	for _, p := range producers {
		p.partitions.Store(4)
	}
	d := New(Config{Store: s, Topics: topics, Hash: hash, MaxBytes: 1 << 20, Settled: func(uint64, MessageResult, *Ended) {}})
	defer d.Close()
	requireSubmitted(t, producers[0], 0, first+1)
	requireSubmitted(t, producers[1], 2, first+2, first+3)
}

// A topic's reading may go back for another one, so an era is not forgotten before that
// is beyond it.
func TestDrain_forgetEras(t *testing.T) {
	for name, c := range map[string]struct {
		next, passed uint64
		kept         int
	}{
		"another topic's lane is behind": {5, noRestart, 2},
		"another topic is not known":     {20, 5, 2},
		"all are beyond it":              {20, 20, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := &Drain{config: Config{Store: openStore(t)}, restart: noRestart}
			for range 3 {
				d.topics = append(d.topics, newTopicLanes(Topic{}))
			}
			grown, waits := d.topics[0], d.topics[1]
			grown.eras = []*era{{count: 1, until: 10}, {count: 2}}
			waits.current().count, waits.lane(0).blocked, waits.lane(0).next = 1, true, c.next
			d.topics[2].passed = c.passed
			d.readAheadFrom(20)
			d.beginAgain()
			assert.Len(t, grown.eras, c.kept)
		})
	}
}

// For each topic, users' messages arrive in order and once, while partitions of some
// stand still and go on, their numbers grow, and some are not known at first.
func TestDrain_orderPerUserAndTopic(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			orderPerTopic(t, rand.New(rand.NewPCG(seed, 4))) //nolint:gosec // repeatable
		})
	}
}

func orderPerTopic(t *testing.T, r *rand.Rand) {
	t.Helper()
	const maxBytes, entries = 40 << 10, 500
	s := openStore(t)
	topics, producers := topicsOf(s, 3)
	for _, p := range producers[:1+r.IntN(3)] {
		p.partitions.Store(2)
	}
	d := New(Config{Store: s, Topics: topics, Hash: hash, MaxBytes: maxBytes, Settled: func(uint64, MessageResult, *Ended) {}})
	defer d.Close()
	var total atomic.Int64
	var adding sync.WaitGroup
	seed := r.Uint64()
	adding.Go(func() { total.Store(int64(addRandom(t, s, topics, entries, rand.New(rand.NewPCG(seed, 5))))) }) //nolint:gosec // repeatable

	last, seen := map[string]uint64{}, map[uint64]bool{}
	stuck, deadline := r.IntN(len(producers)), time.Now().Add(time.Minute)
	for steps := 0; total.Load() == 0 || int64(len(seen)) < total.Load(); steps++ {
		require.True(t, time.Now().Before(deadline), "%d of %d", len(seen), total.Load())
		at := r.IntN(len(producers))
		p := producers[at]
		switch n := r.IntN(2000); {
		case n == 0:
			stuck = r.IntN(len(producers) + 1)
		case n == 1 || steps > 20000 && p.partitions.Load() == 0:
			p.partitions.CompareAndSwap(0, 2)
			p.partitions.CompareAndSwap(2, 5)
		case steps > 40000:
			stuck = -1
		}
		if steps%100 == 99 {
			time.Sleep(time.Microsecond) //nolint:forbidigo // lets the others run
		}
		if count := p.partitions.Load(); at != stuck && count > 0 {
			number, key, ok := p.acknowledge(r.Int32N(count))
			if !ok {
				continue
			}
			require.False(t, seen[number], "message %d twice", number)
			seen[number] = true
			user := topics[at].Name + key
			require.Greater(t, number, last[user], "%s", user)
			last[user] = number
		}
	}
	adding.Wait()
}

// addRandom stores entries for one topic or more, and returns how many messages.
func addRandom(t *testing.T, s *spoolstore.Store, topics []Topic, entries int, r *rand.Rand) (total int) {
	t.Helper()
	for range entries {
		e := &spoolstore.Entry{Key: fmt.Appendf(nil, "user %d", r.IntN(30))}
		for i, at := range r.Perm(len(topics))[:1+r.IntN(len(topics))] {
			if i == 0 {
				e.Topic = topics[at].Name
			}
			for range 1 + r.IntN(2) {
				m := spoolstore.Message{Value: []byte(strings.Repeat("x", r.IntN(2000)))}
				if i > 0 {
					m.Topic = topics[at].Name
				}
				e.Messages = append(e.Messages, m)
			}
		}
		ticket, err := s.Add(t.Context(), e)
		if !assert.NoError(t, err) {
			return total
		}
		total += len(e.Messages)
		if r.IntN(3) == 0 {
			assert.NoError(t, ticket.Wait(t.Context()))
		}
	}
	return total
}
