package drain

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// submitted lists what p has in a partition.
func (p *fakeProducer) submitted(partition int32) (numbers []uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, q := range p.queues[partition] {
		numbers = append(numbers, q.group.First+uint64(q.index)) //nolint:gosec // an index
	}
	return numbers
}

// requireSubmitted waits until p has these messages in a partition, and no others.
func requireSubmitted(t *testing.T, p *fakeProducer, partition int32, numbers ...uint64) {
	t.Helper()
	require.Eventually(t, func() bool { return len(p.submitted(partition)) >= len(numbers) }, time.Minute, time.Millisecond,
		"partition %d", partition)
	require.Equal(t, numbers, p.submitted(partition), "partition %d", partition)
}

// add stores an entry of so many messages.
func add(t *testing.T, s *spoolstore.Store, key string, messages int) (first uint64) {
	t.Helper()
	e := &spoolstore.Entry{Messages: slices.Repeat([]spoolstore.Message{{Value: []byte("v")}}, messages)}
	if key != "" {
		e.Key = []byte(key)
	}
	ticket, err := s.Add(t.Context(), e)
	require.NoError(t, err)
	require.NoError(t, ticket.Wait(t.Context()))
	return ticket.First
}

// userOf returns a user who has been in one partition of two, and is in another one
// of four.
func movedUser(t *testing.T, from, to int32) string {
	t.Helper()
	for i := range 1000 {
		if key := fmt.Appendf(nil, "user %d", i); hash(key, 2) == from && hash(key, 4) == to {
			return string(key)
		}
	}
	require.Fail(t, "there is none")
	return ""
}

func startDrain(t *testing.T, s *spoolstore.Store, partitions int32, topic Topic) *fakeProducer {
	t.Helper()
	p := &fakeProducer{store: s, queues: map[int32][]*queued{}}
	p.partitions.Store(partitions)
	topic.Producer, topic.Partitions = p, p.partitions.Load
	t.Cleanup(New(Config{
		Store: s, Topics: []Topic{topic}, Hash: hash, MaxBytes: 1 << 20, Settled: func(uint64, MessageResult, *Ended) {},
	}).Close)
	return p
}

func intend(t *testing.T, s *spoolstore.Store, partition int32, list ...spoolstore.Range) spoolstore.Partition {
	t.Helper()
	p := spoolstore.Partition{ID: partition}
	require.NoError(t, s.Intend([]spoolstore.Intent{{Partition: p, TopicID: [16]byte{1}, Messages: list}}))
	return p
}

// An entry stays in the partition that its first message was intended for, though
// partitions were added since, and the user's next ones wait until it has ended.
func TestDrain_staysWhereItWasIntended(t *testing.T) {
	for name, end := range map[string]spoolstore.Outcome{
		"the first message is done": spoolstore.Acknowledged, "it was put back": spoolstore.NotWritten, "it is in doubt": spoolstore.Doubtful,
	} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t)
			user, other := movedUser(t, 0, 2), movedUser(t, 1, 3)
			begun := add(t, s, user, 3)
			next := add(t, s, user, 1)
			others := add(t, s, other, 1)
			at := intend(t, s, 0, spoolstore.Range{First: begun, Next: begun + 1})
			left := []uint64{begun, begun + 1, begun + 2}
			if end == spoolstore.Acknowledged {
				s.Done([]spoolstore.Range{{First: begun, Next: begun + 1}}, nil, spoolstore.End{})
				left = left[1:]
			}
			s.End(at, spoolstore.End{Outcome: end, Offset: -1})

			p := startDrain(t, s, 4, Topic{})
			requireSubmitted(t, p, 3, others) // which was stored last
			requireSubmitted(t, p, 0, left...)
			assert.Empty(t, p.submitted(2), "what is older has not ended")
			assert.Equal(t, end == spoolstore.Doubtful, p.queues[0][0].group.Doubtful)
			for range left {
				p.acknowledge(0)
			}
			requireSubmitted(t, p, 2, next)
		})
	}
}

// The same holds while a record batch that may have been written has not ended.
func TestDrain_waitsForWhatIsRecovered(t *testing.T) {
	s := openStore(t)
	user, other := movedUser(t, 0, 2), movedUser(t, 1, 3)
	begun := add(t, s, user, 2)
	next := add(t, s, user, 1)
	others := add(t, s, other, 1)
	at := intend(t, s, 0, spoolstore.Range{First: begun, Next: begun + 1})
	byTopic, err := Recover(s, false, func(uint64, MessageResult, *Ended) {}, func(Doubt) {})
	require.NoError(t, err)
	recovered := byTopic[""]
	require.Len(t, recovered, 1)

	p := startDrain(t, s, 4, Topic{Recovered: recovered})
	requireSubmitted(t, p, 3, others)
	requireSubmitted(t, p, 0, begun+1)
	p.acknowledge(0)
	requireSubmitted(t, p, 0)
	assert.Empty(t, p.submitted(2), "what is recovered has not ended")
	s.Done([]spoolstore.Range{{First: begun, Next: begun + 1}}, &at, spoolstore.End{Outcome: spoolstore.Acknowledged})
	recovered[0].Groups[0].Owner.Settle(0, producer.Result{Outcome: producer.Acknowledged})
	requireSubmitted(t, p, 2, next)
}

// Partitions of another topic, or that are no more, settle nothing.
func TestDrain_intendedForAnotherTopic(t *testing.T) {
	for name, c := range map[string]struct {
		partitions int32
		topicID    func() [16]byte
	}{
		"its id is another one":     {4, func() [16]byte { return [16]byte{2} }},
		"it has too few partitions": {2, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t)
			user := strings.Repeat("x", 3)
			begun := add(t, s, user, 2)
			at := intend(t, s, 3-hash([]byte(user), c.partitions)%2, spoolstore.Range{First: begun, Next: begun + 1})
			s.End(at, spoolstore.End{Outcome: spoolstore.NotWritten, Offset: -1})
			p := startDrain(t, s, c.partitions, Topic{TopicID: c.topicID})
			requireSubmitted(t, p, hash([]byte(user), c.partitions), begun, begun+1)
		})
	}
}
