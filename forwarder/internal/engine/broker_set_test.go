package engine

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// topicNetwork takes a second to connect, and refuses the first record batch of a
// topic. It notes down what the requests hold.
type topicNetwork struct {
	mu       *sync.Mutex
	requests *[][]string
	refused  map[string]sarama.KError
}

func (n topicNetwork) connect(context.Context, string) (brokerConn, error) {
	<-time.After(time.Second)
	return &topicConn{topicNetwork: n}, nil
}

type topicConn struct {
	instantConn
	topicNetwork
}

func (c *topicConn) produce(r *produceRequest, answered func(*sarama.ProduceResponse, error)) error {
	if r.mayBeSent != nil {
		if err := r.mayBeSent(); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	answer := &sarama.ProduceResponse{Version: produceVersion}
	var list []string
	for i, p := range r.partitions {
		list = append(list, p.topic)
		answer.AddTopicPartition(p.topic, p.partition, c.refused[p.topic])
		answer.Blocks[p.topic][p.partition].Offset = int64(10 * (i + 1))
		delete(c.refused, p.topic)
	}
	slices.Sort(list)
	*c.requests = append(*c.requests, list)
	c.answering.Go(func() { answered(answer, nil) })
	return nil
}

// A settledOnce keeps the result of a group of one message.
type settledOnce chan producer.Result

func (s settledOnce) Settle(_ int, r producer.Result) { s <- r }

// engineFor starts an engine for each topic on one network.
func engineFor(n brokerNetwork, topics ...string) []*Engine {
	config := Config{Servers: []string{"b0:9093"}, Sarama: sarama.NewConfig()}
	s := newBrokerSet(config, newSendLimits(config), n, 1)
	var list []*Engine
	for _, topic := range topics {
		config.Topic = topic
		list = append(list, s.newEngine(config, n))
	}
	s.start()
	return list
}

// Messages of several topics for one broker share a request, each is answered by
// its topic, and what one topic is refused is retried alone.
func TestBrokerSet_sharesRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests [][]string
		n := topicNetwork{mu: &sync.Mutex{}, requests: &requests, refused: map[string]sarama.KError{"b": sarama.ErrNotEnoughReplicas}}
		engines := engineFor(n, "a", "b")
		var settled []settledOnce
		for _, e := range engines {
			s := make(settledOnce, 1)
			settled = append(settled, s)
			e.Submit(&producer.Group{Messages: []producer.Message{{Key: []byte("7"), Value: []byte("v")}}, Owner: s})
		}
		a, b := <-settled[0], <-settled[1]
		assert.Equal(t, producer.Acknowledged, a.Outcome)
		assert.Equal(t, producer.Acknowledged, b.Outcome)
		assert.Equal(t, int64(10), b.Offset, "of the request with b alone")
		assert.Equal(t, [][]string{{"a", "b"}, {"b"}}, requests)
		require.NoError(t, engines[0].Close())
		require.NoError(t, engines[1].Close(), "which closing the other one has done")
	})
}

// Close of one engine settles what all of them have.
func TestBrokerSet_close(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests [][]string
		engines := engineFor(topicNetwork{mu: &sync.Mutex{}, requests: &requests}, "a", "b")
		s := make(settledOnce, 1)
		engines[1].Submit(&producer.Group{Messages: []producer.Message{{Value: []byte("v")}}, Owner: s})
		require.NoError(t, engines[0].Close())
		assert.Equal(t, producer.NotSent, (<-s).Outcome)
		engines[1].Submit(&producer.Group{Messages: []producer.Message{{Value: []byte("v")}}, Owner: s})
		assert.ErrorIs(t, (<-s).Err, producer.ErrClosed)
		assert.Empty(t, requests)
	})
}

// What waits is told by the engine of its topic.
func TestBrokerSet_waiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests [][]string
		engines := engineFor(topicNetwork{mu: &sync.Mutex{}, requests: &requests}, "a", "b")
		s := make(settledOnce, 1)
		engines[1].Submit(&producer.Group{Messages: []producer.Message{{Key: []byte("7"), Value: []byte("v")}}, Owner: s})
		<-time.After(500 * time.Millisecond)
		assert.Empty(t, engines[0].Waiting(0))
		assert.Len(t, engines[1].Waiting(0), 1)
		require.NoError(t, engines[1].Close())
	})
}

type silentJournal struct{ producer.Journal }

func TestNewForTopics_journal(t *testing.T) {
	cfg := sarama.NewConfig()
	cfg.Version = sarama.V3_7_0_0
	_, err := NewForTopics(Config{Sarama: cfg, Journal: silentJournal{}}, []string{"a", "b"})
	require.ErrorIs(t, err, errJournalTopics)
}
