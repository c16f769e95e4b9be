package engine

import (
	"context"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// A broker that says for how long nothing is to be sent is believed within reason.
// Sarama believes it on that connection, which is not used any more then.
func TestThrottle_max(t *testing.T) {
	for _, c := range []struct {
		told, want time.Duration
		renewed    bool
	}{
		{-time.Second, 0, false},
		{time.Second, time.Second, false},
		{maxThrottle, maxThrottle, false},
		{math.MaxInt32 * time.Millisecond, maxThrottle, true},
	} {
		_, _, w := ledBy()
		now := time.Now()
		w.conn, w.lastUsed = &instantConn{}, now
		w.observeAnswerLocked(&inFlightRequest{conn: w.conn, sentAt: now}, &sarama.ProduceResponse{ThrottleTime: c.told}, now)
		if c.want == 0 {
			assert.Zero(t, w.notBefore)
		} else {
			assert.Equal(t, now.Add(c.want), w.notBefore, c.told)
		}
		w.addr, w.set.closed = w.set.brokers[w.id], false
		assert.Equal(t, c.renewed, w.connDoneLocked(now), "told %v: whether the connection is given up", c.told)
	}
}

// A throttlingNetwork answers its first produce request once a second one is being
// written, with a throttle time. As in Sarama, writing the second one then waits
// that time out, and so does close, whatever becomes of the connection.
type throttlingNetwork struct {
	throttle time.Duration
	mu       sync.Mutex
	conns    []*throttlingConn
}

func (n *throttlingNetwork) connect(context.Context, string) (brokerConn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := &throttlingConn{network: n, lock: make(chan struct{}, 1)}
	n.conns = append(n.conns, c)
	return c, nil
}

func (n *throttlingNetwork) writing() (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		if c.produced > 1 {
			count++
		}
	}
	return count
}

type throttlingConn struct {
	instantConn
	network  *throttlingNetwork
	produced int
	first    func()        // answers the first request
	lock     chan struct{} // Sarama's, of a broker
}

func (c *throttlingConn) produce(r *produceRequest, answered func(*sarama.ProduceResponse, error)) error {
	c.lock <- struct{}{}
	defer func() { <-c.lock }()
	n := c.network
	n.mu.Lock()
	c.produced++
	produced := c.produced
	if throttle := n.throttle; produced == 1 && throttle > 0 {
		answer := &sarama.ProduceResponse{Version: produceVersion, ThrottleTime: throttle}
		for _, p := range r.partitions {
			answer.AddTopicPartition("events", p.partition, sarama.ErrNoError)
		}
		c.first = func() { answered(answer, nil) }
		n.mu.Unlock()
		return nil
	}
	first, throttle := c.first, n.throttle
	n.mu.Unlock()
	if first != nil && produced == 2 {
		c.answering.Go(first)
		<-time.After(throttle)
	}
	return c.instantConn.produce(r, answered) // even if it is too late
}

func (c *throttlingConn) close() {
	c.lock <- struct{}{}
	defer func() { <-c.lock }()
	c.instantConn.close()
}

// throttledWrite makes an engine of which one request waits for a quota while it is
// being written.
func throttledWrite(t *testing.T, throttle time.Duration) (e *Engine, n *throttlingNetwork, settled []*lockedCounts) {
	t.Helper()
	n = &throttlingNetwork{throttle: throttle}
	config := Config{Servers: []string{"b0:9093"}, Topic: "events", Sarama: sarama.NewConfig()}
	e = startEngine(config, newSendLimits(config), n, 1)
	for _, key := range []string{"a", "b", "c", "d"} {
		own := &lockedCounts{counts: make(settleCounts, 1)}
		settled = append(settled, own)
		e.Submit(&producer.Group{Messages: []producer.Message{{Key: []byte(key), Value: make([]byte, minPipelinedBytes)}}, Owner: own})
		synctest.Wait()
		<-time.After(time.Second)
	}
	require.Equal(t, 1, n.writing(), "two requests in flight, of which one waits")
	return e, n, settled
}

// Close does not wait for the end of a throttle time that Sarama waits out while it
// writes a second request. Everything is settled once, whatever Sarama does later.
func TestThrottle_closeWhileWriting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const throttle = time.Hour
		e, _, settled := throttledWrite(t, throttle)
		began := time.Now()
		require.NoError(t, e.Close())
		assert.LessOrEqual(t, time.Since(began), produceGrace)
		for i, own := range settled {
			assert.Equal(t, settleCounts{1}, own.counts, "message %d", i)
		}
		<-time.After(throttle) // Sarama's goroutine ends
		synctest.Wait()
		for i, own := range settled {
			assert.Equal(t, settleCounts{1}, own.counts, "message %d", i)
		}
	})
}

// Nor does delivery wait for as long as a broker says that is out of its mind.
func TestThrottle_maxWhileWriting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const throttle = math.MaxInt32 * time.Millisecond
		e, n, settled := throttledWrite(t, throttle)
		n.mu.Lock()
		n.throttle = 0 // from now on
		n.mu.Unlock()
		<-time.After(maxThrottle + maxProduceTime + time.Minute)
		for i, own := range settled {
			own.mu.Lock()
			assert.Equal(t, settleCounts{1}, own.counts, "message %d", i)
			own.mu.Unlock()
		}
		require.NoError(t, e.Close())
		<-time.After(throttle)
	})
}

// A throttledVerify connection throttles the request that verifies it.
type throttledVerify struct{ instantConn }

func (*throttledVerify) throttledFor() time.Duration { return math.MaxInt32 * time.Millisecond }

type throttledVerifyNetwork struct{}

func (throttledVerifyNetwork) connect(context.Context, string) (brokerConn, error) {
	return &throttledVerify{}, nil
}

// The quota holds for the request that verifies a connection, too.
func TestThrottle_verify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _, w := ledBy()
		e.ctx, e.network = t.Context(), throttledVerifyNetwork{}
		w.connect("b0:9093", answersBeforeGivingUp)
		assert.Equal(t, time.Now().Add(maxThrottle), w.notBefore)
		e.closed, w.addr = false, e.brokers[w.id]
		assert.True(t, w.connDoneLocked(time.Now()))
	})
}
