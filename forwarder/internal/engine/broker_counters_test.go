package engine

import (
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// Requests and their messages are counted, and an attempt in vain is a retry only
// if the record batch is neither written nor refused.
func TestBrokerCounters(t *testing.T) {
	for code, retries := range map[sarama.KError]int64{
		sarama.ErrNoError:                     0,
		sarama.ErrMessageSizeTooLarge:         0,
		sarama.ErrNotEnoughReplicas:           1,
		sarama.ErrRequestTimedOut:             1,
		sarama.ErrNotLeaderForPartition:       1,
		sarama.ErrOutOfOrderSequenceNumber:    1,
		sarama.ErrTopicAuthorizationFailed:    1,
		sarama.ErrDuplicateSequenceNumber:     1, // of a record batch that was never sent
		sarama.ErrInvalidRecord:               0,
		sarama.ErrUnsupportedForMessageFormat: 0,
	} {
		t.Run(code.Error(), func(t *testing.T) {
			e, p, w := ledBy()
			enqueueGroup(p, []producer.Message{{Value: []byte("v")}}, make(settleCounts, 1))
			b := &recordBatch{}
			p.sealLocked(b, 1<<10)
			var done settlements
			w.applyVerdictLocked(p, b, &sarama.ProduceResponseBlock{Err: code}, &done, time.Now())
			assert.Equal(t, retries, e.Brokers()[0].Retries)
		})
	}
}

// The time that a broker asks for counts as far as it is heeded.
func TestBrokerCounters_throttled(t *testing.T) {
	e, _, w := ledBy()
	for _, d := range []time.Duration{0, time.Second, 24 * time.Hour} {
		w.throttledLocked(nil, d, time.Now())
	}
	assert.Equal(t, time.Second+maxThrottle, e.Brokers()[0].Throttled)
}

// What was sent stays counted when the connection is gone, and its worker.
func TestBrokerCounters_outliveTheWorker(t *testing.T) {
	e := testEngine()
	e.brokers = map[int32]string{7: "b7:9093"}
	e.counters = map[int32]*brokerCounters{7: {connections: 3}, 2: {}}
	e.counters[2].written.Add(10)
	assert.Equal(t, []producer.BrokerStats{{ID: 2, BytesSent: 10}, {ID: 7, Addr: "b7:9093", Connections: 3}}, e.Brokers())
}

// A request counts its messages without what only limits count.
func TestBrokerCounters_bytes(t *testing.T) {
	_, e, groups := newCallers(t)
	require.Len(t, e.Brokers(), 1)
	s := e.Brokers()[0]
	require.Positive(t, s.Messages)
	assert.Equal(t, int64(20*callerCount), s.Messages)
	keys := int64(0)
	for _, g := range groups {
		keys += int64(len(g.Messages[0].Key))
	}
	assert.Equal(t, 20*(callerCount*1024+keys), s.Bytes)
	assert.Equal(t, int64(1), s.Connections)
	assert.False(t, s.ConnectedSince.IsZero())
	assert.LessOrEqual(t, s.Requests, s.Messages)
	assert.Zero(t, s.Retries)
}
