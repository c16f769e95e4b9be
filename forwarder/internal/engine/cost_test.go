package engine

import (
	"context"
	"math"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// A willing is a network that acknowledges everything at once, so that what is
// measured is the engine.
type instantNetwork struct{}

func (instantNetwork) connect(context.Context, string) (brokerConn, error) {
	return &instantConn{}, nil
}

type instantConn struct{ answering sync.WaitGroup }

func (c *instantConn) produce(r *produceRequest, answered func(*sarama.ProduceResponse, error)) error {
	answer := &sarama.ProduceResponse{Version: produceVersion}
	for _, p := range r.partitions {
		answer.AddTopicPartition("events", p.partition, sarama.ErrNoError)
	}
	c.answering.Go(func() { answered(answer, nil) })
	return nil
}

func (c *instantConn) metadata() (topicMetadata, error) {
	return topicMetadata{leaders: []int32{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, brokers: map[int32]string{0: "b0:9093"}}, nil
}

func (c *instantConn) producerID() (producerIDAnswer, error) { return producerIDAnswer{id: 1}, nil }
func (c *instantConn) written(*logQuery) (logAnswer, error)  { return logAnswer{}, nil }
func (c *instantConn) verify() error                         { return nil }
func (c *instantConn) throttledFor() time.Duration           { return 0 }
func (c *instantConn) closedByBroker() bool                  { return false }
func (c *instantConn) abort()                                {}
func (c *instantConn) close()                                { c.answering.Wait() }

// A crowd counts the messages of a caller that are not settled.
type callers struct{ open sync.WaitGroup }

func (c *callers) Settle(int, producer.Result) { c.open.Done() }

const callerCount = 1000

// round submits crowdSize groups of one message and waits for them.
func (c *callers) round(e *Engine, groups []producer.Group) {
	c.open.Add(len(groups))
	for i := range groups {
		e.Submit(&groups[i])
	}
	c.open.Wait()
}

func newCallers(tb testing.TB) (*callers, *Engine, []producer.Group) {
	tb.Helper()
	cfg := sarama.NewConfig()
	config := Config{Servers: []string{"b0:9093"}, Topic: "events", Sarama: cfg}
	e := startEngine(config, newSendLimits(config), instantNetwork{}, 1)
	tb.Cleanup(func() { require.NoError(tb, e.Close()) })
	c := &callers{}
	value := make([]byte, 1024)
	groups := make([]producer.Group, callerCount)
	for i := range groups {
		groups[i] = producer.Group{Messages: []producer.Message{{Key: strconv.AppendInt(nil, int64(i), 10), Value: value}}, Owner: c}
	}
	for range 20 { // so that what is kept for reuse is there
		c.round(e, groups)
	}
	return c, e, groups
}

// What is kept in memory for a message is one submission; what is sent together is
// reused. How much goes together depends on how busy the machine is, so the best
// of several tries counts.
func TestEngine_allocations(t *testing.T) {
	c, e, groups := newCallers(t)
	const tries, rounds = 20, 10
	best := math.Inf(1)
	for range tries {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range rounds {
			c.round(e, groups)
		}
		runtime.ReadMemStats(&after)
		best = min(best, float64(after.Mallocs-before.Mallocs)/rounds/callerCount)
	}
	most := 1.3
	if raceEnabled {
		most = 3 // more is allocated, and smaller record batches go
	}
	assert.Less(t, best, most)
}

// BenchmarkEngine is what a message costs beside Sarama.
func BenchmarkEngine(b *testing.B) {
	c, e, groups := newCallers(b)
	b.ReportAllocs()
	for b.Loop() {
		c.round(e, groups)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/callerCount, "ns/message")
}
