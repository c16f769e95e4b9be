package engine

import (
	"context"
	"encoding/binary"
	"io"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// oddAnswers is a network whose brokers answer as data says: with what no broker
// should, in any place of an answer. When data is used up they are well.
type oddAnswers struct {
	mu   sync.Mutex
	data []byte
}

// next takes a number off data; ok: there was one.
func (n *oddAnswers) next() (v int64, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.data) == 0 {
		return 0, false
	}
	kind := n.data[0]
	n.data = n.data[1:]
	odd := []int64{
		-1, 0, 1, 2, 5, 7, 1_000_000, 5_000_000, math.MaxInt16, math.MaxInt32, math.MaxInt32 + 1, math.MaxInt64,
		math.MinInt16, math.MinInt32, math.MinInt64,
	}
	if int(kind) < len(odd) {
		return odd[kind], true
	}
	if kind < 200 || len(n.data) < 4 {
		return int64(kind) - 100, true
	}
	v = int64(int32(binary.BigEndian.Uint32(n.data))) //nolint:gosec // any number will do
	n.data = n.data[4:]
	return v, true
}

// or is the next number, or usual when there is none.
func (n *oddAnswers) or(usual int64) int64 {
	if v, ok := n.next(); ok {
		return v
	}
	return usual
}

func (n *oddAnswers) few() int { return int(uint64(n.or(3)) % 5) }

func (n *oddAnswers) connect(context.Context, string) (brokerConn, error) {
	if n.or(0) == -1 {
		return nil, io.EOF
	}
	return &oddConn{oddAnswers: n}, nil
}

type oddConn struct {
	instantConn
	*oddAnswers
}

func (c *oddConn) verify() error {
	if c.or(0) < 0 {
		return io.EOF
	}
	return nil
}

func (c *oddConn) metadata() (topicMetadata, error) {
	if c.or(0) == -1 {
		return topicMetadata{}, io.EOF
	}
	answer := &sarama.MetadataResponse{Version: 10}
	answer.AddBroker("b0:9093", 0)
	for range c.few() - 3 {
		answer.AddBroker("b1:9093", int32(c.or(1))) //nolint:gosec // any number will do
	}
	topic := &sarama.TopicMetadata{Name: "events", Err: sarama.KError(c.or(0)), Uuid: sarama.Uuid{byte(c.or(1))}} //nolint:gosec // any number will do
	for i := range c.few() {
		topic.Partitions = append(topic.Partitions, &sarama.PartitionMetadata{
			ID: int32(c.or(int64(i))), Leader: int32(c.or(0)), LeaderEpoch: int32(c.or(3)), Err: sarama.KError(c.or(0)), //nolint:gosec // any number will do
		})
	}
	answer.Topics = []*sarama.TopicMetadata{topic}
	return readTopicMetadata("events", answer)
}

func (c *oddConn) producerID() (producerIDAnswer, error) {
	return producerIDAnswer{c.or(7), int16(c.or(0))}, nil //nolint:gosec // any number will do
}

func (c *oddConn) written(q *logQuery) (logAnswer, error) {
	switch v := c.or(0); {
	case v == -1:
		return logAnswer{}, io.EOF
	case v < -1:
		return logAnswer{}, sarama.KError(v) //nolint:gosec // any number will do
	}
	return logAnswer{
		found: c.or(1) > 0, offset: c.or(0), records: int(c.or(int64(q.largest))), highWatermark: c.or(1000),
		lastSequence: int32(c.or(int64(q.sequence(q.largest - 1)))), //nolint:gosec // any number will do
	}, nil
}

func (c *oddConn) throttledFor() time.Duration { return c.milliseconds() }
func (c *oddConn) closedByBroker() bool        { return c.or(0) < 0 }

func (c *oddConn) produce(r *produceRequest, answered func(*sarama.ProduceResponse, error)) error {
	switch c.or(0) {
	case -1:
		return io.EOF
	case -2:
		c.answering.Go(func() { answered(nil, io.EOF) })
		return nil
	}
	answer := &sarama.ProduceResponse{Version: produceVersion, ThrottleTime: c.milliseconds()}
	for _, p := range r.partitions {
		answer.AddTopicPartition("events", int32(c.or(int64(p.partition))), sarama.KError(c.or(0))) //nolint:gosec // any number will do
		block := answer.GetBlock("events", p.partition)
		if block == nil {
			continue
		}
		block.Offset = c.or(0)
		for range c.few() - 3 {
			text := string(make([]byte, uint16(c.or(0))))                                                                                                 //nolint:gosec // any number will do
			block.RecordErrors = append(block.RecordErrors, sarama.ProduceResponseRecordError{BatchIndex: int32(c.or(0)), BatchIndexErrorMessage: &text}) //nolint:gosec // any number will do
		}
		if c.or(0) != 0 {
			block.CurrentLeader = &sarama.ProduceResponseCurrentLeader{LeaderID: int32(c.or(0)), LeaderEpoch: int32(c.or(0))} //nolint:gosec // any number will do
		}
	}
	c.answering.Go(func() { answered(answer, nil) })
	return nil
}

// milliseconds is a throttle time as the protocol has it.
func (n *oddAnswers) milliseconds() time.Duration {
	return time.Duration(int32(n.or(0))) * time.Millisecond //nolint:gosec // any number will do
}

// recover makes all brokers answer well from now on.
func (n *oddAnswers) recover() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.data = nil
}

// Whatever brokers answer, no goroutine of the engine panics, it does not spin,
// and every message is settled once: at the latest at the end. Once brokers answer
// well, a new message is acknowledged.
func FuzzAnswers(f *testing.F) {
	for _, seed := range [][]byte{
		nil,
		{0},
		{1, 1, 1, 2, 4, 0},               // partition -1
		{1, 1, 1, 2, 2, 7},               // partition 5,000,000 of one
		{1, 100, 100, 101, 103, 100, 0},  // odd leaders
		{100, 100, 0, 0, 0, 0, 0, 0, 0},  // everything is -1
		{12, 13, 14, 9, 10, 11, 8, 7, 6}, // the ends of numbers
		{100, 103, 100, 101, 103, 100, 100, 100, 100, 0, 0, 0, 0},  // producer id -1
		{1, 1, 103, 1, 2, 103, 1, 0, 9, 1, 2, 0, 9, 1, 3, 0, 9, 1}, // no leaders, in the last epoch
		{255, 127, 255, 255, 255, 201, 128, 0, 0, 0},
		// What may have been written is out of sequence, and the log is looked into.
		{
			100, 100, 100, 103, 98, 1, 98, 100, 98, 98, 100, 145, 101, 1, 98, 100, 100, 103, 100, 103, 98, 103, 100, 145, 2, 100, 100, 100, 98,
			145, 100, 145, 103, 100, 100, 100, 100, 98, 100, 2, 1, 2, 100, 100, 100, 1, 145, 2, 145, 2, 100, 2, 103, 103, 2, 145, 100, 101, 1,
		},
		{
			101, 145, 145, 100, 145, 2, 100, 1, 2, 100, 101, 2, 98, 103, 100, 100, 145, 100, 100, 145, 100, 1, 100, 100, 145, 1, 1, 103, 103, 98,
			100, 100, 98, 103, 100, 98, 100, 101, 100, 98, 98, 98, 100, 1, 145, 2, 145, 100, 145, 98, 100, 100, 100, 2, 98, 145, 100, 100, 145,
		},
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<10 {
			t.Skip("longer than it needs to be")
		}
		synctest.Test(t, func(t *testing.T) {
			config := Config{Servers: []string{"b0:9093", "b1:9093"}, Topic: "events", Sarama: sarama.NewConfig()}
			brokers := &oddAnswers{data: data}
			e := startEngine(config, newSendLimits(config), brokers, 1)
			var counts []settleCounts
			for i := range 6 {
				own := make(settleCounts, 2)
				counts = append(counts, own)
				var key []byte
				if i%2 == 0 {
					key = []byte{byte(i)}
				}
				e.Submit(&producer.Group{Messages: []producer.Message{{Key: key}, {Key: key}}, Owner: &lockedCounts{counts: own}})
				<-time.After(time.Second)
			}
			<-time.After(time.Minute)
			e.Waiting(0)
			brokers.recover()
			<-time.After(2 * maxOlderTopic)
			fresh := make(chan producer.Result, 1)
			e.Submit(&producer.Group{Messages: []producer.Message{{Key: []byte("fresh")}}, Owner: settledResult(fresh)})
			<-time.After(2 * maxOlderTopic)
			select {
			case r := <-fresh:
				assert.Equal(t, producer.Acknowledged, r.Outcome, "%v", r)
			default:
				t.Errorf("a new message is not acknowledged: %+v", e.Waiting(0))
			}
			assert.NoError(t, e.Close())
			for i, own := range counts {
				assert.Equal(t, settleCounts{1, 1}, own, "group %d", i)
			}
		})
	})
}

// settledResult takes the result of a single message.
type settledResult chan producer.Result

func (c settledResult) Settle(_ int, r producer.Result) { c <- r }

// lockedCounts counts on any goroutine.
type lockedCounts struct {
	mu     sync.Mutex
	counts settleCounts
}

func (c *lockedCounts) Settle(i int, _ producer.Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[i]++
}
