package engine

import (
	"context"
	"math"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/deliver"
)

// A willing is a network that acknowledges everything at once, so that what is
// measured is the engine.
type willing struct{}

func (willing) connect(context.Context, string) (conn, error) { return &willingConn{}, nil }

type willingConn struct{ answering sync.WaitGroup }

func (c *willingConn) produce(r *request, answered func(*sarama.ProduceResponse, error)) error {
	answer := &sarama.ProduceResponse{Version: produceVersion}
	for _, p := range r.parts {
		answer.AddTopicPartition("events", p.partition, sarama.ErrNoError)
	}
	c.answering.Go(func() { answered(answer, nil) })
	return nil
}

func (c *willingConn) metadata() (view, error) {
	return view{leaders: []int32{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, brokers: map[int32]string{0: "b0:9093"}}, nil
}

func (c *willingConn) producerID() (int64, error) { return 1, nil }
func (c *willingConn) abort()                     {}
func (c *willingConn) close()                     { c.answering.Wait() }

// A crowd counts the messages of a caller that are not settled.
type crowd struct{ open sync.WaitGroup }

func (c *crowd) Settle(int, deliver.Result) { c.open.Done() }

const crowdSize = 1000

// round submits crowdSize groups of one message and waits for them.
func (c *crowd) round(e *Engine, groups []deliver.Group) {
	c.open.Add(len(groups))
	for i := range groups {
		e.Submit(&groups[i])
	}
	c.open.Wait()
}

func newCrowd(tb testing.TB) (*crowd, *Engine, []deliver.Group) {
	tb.Helper()
	cfg := sarama.NewConfig()
	config := Config{Servers: []string{"b0:9093"}, Topic: "events", Sarama: cfg}
	e := start(config, newLimits(config), willing{}, 1)
	tb.Cleanup(func() { require.NoError(tb, e.Close()) })
	c := &crowd{}
	value := make([]byte, 1024)
	groups := make([]deliver.Group, crowdSize)
	for i := range groups {
		groups[i] = deliver.Group{Messages: []deliver.Message{{Key: strconv.AppendInt(nil, int64(i), 10), Value: value}}, Owner: c}
	}
	for range 20 { // so that what is kept for reuse is there
		c.round(e, groups)
	}
	return c, e, groups
}

// What is kept in memory for a message is one entry; what is sent together is
// reused. How much goes together depends on how busy the machine is, so the best
// of several tries counts.
func TestEngine_allocations(t *testing.T) {
	c, e, groups := newCrowd(t)
	const tries, rounds = 20, 10
	best := math.Inf(1)
	for range tries {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range rounds {
			c.round(e, groups)
		}
		runtime.ReadMemStats(&after)
		best = min(best, float64(after.Mallocs-before.Mallocs)/rounds/crowdSize)
	}
	most := 1.3
	if racing {
		most = 3 // more is allocated, and smaller bundles go
	}
	assert.Less(t, best, most)
}

// BenchmarkEngine is what a message costs beside Sarama.
func BenchmarkEngine(b *testing.B) {
	c, e, groups := newCrowd(b)
	b.ReportAllocs()
	for b.Loop() {
		c.round(e, groups)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/crowdSize, "ns/message")
}
