package engine

import (
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// Messages without a key go to another partition once a record batch is sealed.
func TestBuildRequest_sticky(t *testing.T) {
	e, p, w := ledBy()
	e.sticky.partition = p.id
	enqueueGroup(p, make([]producer.Message, 1), make(settleCounts, 1))
	e.scheduleLocked(p, time.Now())
	w.buildRequestLocked(time.Now())
	assert.Equal(t, noPartition, e.sticky.partition)
}

// A worker ends when its broker leads nothing and the connection is closed.
func TestBrokerWorker_ends(t *testing.T) {
	e, p, w := ledBy()
	e.closed = false
	assert.Equal(t, stepSleep, w.nextAction().step)
	e.moveLocked(p, nil, time.Now())
	assert.Equal(t, stepStop, w.nextAction().step)
	assert.Empty(t, e.workers)
}

// A broker that has moved to another address is connected to there.
func TestBrokerWorker_address(t *testing.T) {
	e, _, w := ledBy()
	e.closed = false
	now := time.Now()
	w.conn, w.addr, w.lastUsed = &instantConn{}, "b0:9093", now
	assert.False(t, w.connDoneLocked(now), "it was used just now, at the broker's address")
	e.brokers = map[int32]string{0: "b0:9094"}
	w.inFlight = requestsInFlight{{}}
	assert.False(t, w.connDoneLocked(now), "not while a request is in flight")
	w.inFlight = nil
	assert.True(t, w.connDoneLocked(now))
	assert.Equal(t, stepDisconnect, w.nextAction().step)
}

// What is withdrawn is not counted any more.
func TestWithdraw_bytes(t *testing.T) {
	e, p, w := ledBy()
	one := enqueueGroup(p, make([]producer.Message, 2), make(settleCounts, 2))
	other := enqueueGroup(p, make([]producer.Message, 1), make(settleCounts, 1))
	e.scheduleLocked(p, time.Now())
	assert.Equal(t, one.bytes+other.bytes, w.readyBytes)
	assert.Equal(t, 0, e.withdrawRestLocked(one))
	assert.Equal(t, other.bytes, p.waitingBytes)
	assert.Equal(t, other.bytes, w.readyBytes)
	assert.Equal(t, 0, e.withdrawRestLocked(other))
	assert.Zero(t, p.waitingBytes)
	assert.Zero(t, w.readyBytes)
}

// What was submitted while the partitions were not known is not overtaken by what
// comes when they are.
func TestSubmit_unplaced(t *testing.T) {
	e, p, _ := ledBy()
	e.closed = false
	e.partitionCount.Store(0)
	first := &producer.Group{Messages: []producer.Message{{Key: []byte("1")}}, Owner: make(settleCounts, 1)}
	second := &producer.Group{Messages: []producer.Message{{Key: []byte("1")}}, Owner: make(settleCounts, 1)}
	e.Submit(first)
	e.partitionCount.Store(1) // known, but the first is not placed yet
	e.Submit(second)
	assert.True(t, p.waiting.empty())
	e.placeUnplaced()
	assert.Equal(t, []any{first.State, second.State}, []any{p.waiting.first, p.waiting.last})
}

// Every message is acknowledged by all in-sync replicas.
func TestSaramaConn_acks(t *testing.T) {
	c := &saramaConn{timeout: 10 * time.Second}
	req := c.newProduceRequest()
	assert.Equal(t, sarama.WaitForAll, req.RequiredAcks)
	assert.Equal(t, int32(10_000), req.Timeout)
	assert.Equal(t, int16(produceVersion), req.Version)
}

// What a request takes is no longer counted among what could be sent.
func TestBuildRequest_readyBytes(t *testing.T) {
	e, p, w, r := sent(8)
	assert.Positive(t, r.request.bytes)
	assert.Zero(t, w.readyBytes)
	enqueueGroup(p, make([]producer.Message, 1), make(settleCounts, 1))
	w.removeInFlightLocked(r, time.Now())
	p.inFlight = false
	e.scheduleLocked(p, time.Now())
	assert.Equal(t, p.pendingBytesLocked(), w.readyBytes)
}
