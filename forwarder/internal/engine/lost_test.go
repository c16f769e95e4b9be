package engine

import (
	"context"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// sent returns a request in flight with one record batch of so many messages.
func sent(messages int) (*Engine, *topicPartition, *brokerWorker, *inFlightRequest) {
	e, p, w := ledBy()
	enqueueGroup(p, make([]producer.Message, messages), make(settleCounts, messages))
	w.conn, w.answers = &instantConn{}, answersBeforeGivingUp
	e.scheduleLocked(p, time.Now())
	r := w.buildRequestLocked(time.Now())
	return e, p, w, r
}

// loseTimes loses the connection of each attempt.
func loseTimes(t *testing.T, w *brokerWorker, r *inFlightRequest, times int, err error) (done settlements) {
	t.Helper()
	now := time.Now()
	for i := range times {
		w.connectionLostLocked(r, err, &done, now)
		w.removeInFlightLocked(r, now)
		if i == times-1 || len(w.ready) == 0 {
			break
		}
		w.broken, w.conn, w.answers = false, &instantConn{}, answersBeforeGivingUp
		r = w.buildRequestLocked(now)
	}
	return done
}

// A record batch that may have been written is split when the broker has closed
// two connections on it alone, and not when anything else may be the reason.
func TestLost_splits(t *testing.T) {
	timeout := &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}
	for name, c := range map[string]struct {
		times  int
		err    error
		change func(w *brokerWorker)
		split  bool
	}{
		"closed once":  {1, io.EOF, nil, false},
		"closed twice": {2, io.EOF, nil, true},
		"timed out":    {5, timeout, nil, false},
		"closed by us": {5, net.ErrClosed, nil, false},
		"another in flight": {1, io.EOF, func(w *brokerWorker) {
			w.set.engines[0].partitions[0].sealed[0].closedAlone = 1
			w.inFlight = append(w.inFlight, &inFlightRequest{conn: w.conn})
		}, false},
		"too few answers": {1, io.EOF, func(w *brokerWorker) {
			w.set.engines[0].partitions[0].sealed[0].closedAlone = 1
			w.answers = 0
		}, false},
		"not enough answers to give up": {1, io.EOF, func(w *brokerWorker) {
			w.set.engines[0].partitions[0].sealed[0].closedAlone = 2
			w.answers = answersBeforeGivingUp - 1
		}, false},
		"not alone": {1, io.EOF, func(w *brokerWorker) {
			w.set.engines[0].partitions[0].sealed[0].closedAlone = 1
			w.inFlight[0].recordBatches = append(w.inFlight[0].recordBatches, &recordBatch{})
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, p, w, r := sent(8)
			if c.change != nil {
				c.change(w)
			}
			done := loseTimes(t, w, r, c.times, c.err)
			assert.Empty(t, done.recordBatches)
			assert.Equal(t, c.split, len(p.sealed) > 1, "%v", counts(p))
			for _, b := range p.sealed {
				assert.True(t, b.mayBeWritten)
			}
		})
	}
}

// Only a size that was verified counts as too large.
func TestLost_tooLarge(t *testing.T) {
	_, _, w, r := sent(8)
	w.answers = 0
	loseTimes(t, w, r, 1, io.EOF)
	assert.Equal(t, r.request.bytes/2, w.requestSize.limit)
	assert.Zero(t, w.requestSize.tooLarge)
	assert.ErrorIs(t, w.cause, io.EOF)
	assert.NotContains(t, w.cause.Error(), "max_request_bytes", "the first loss may have any reason")

	_, _, w, r = sent(8)
	loseTimes(t, w, r, 1, io.EOF)
	assert.Equal(t, r.request.bytes, w.requestSize.tooLarge)
	_, _, w, r = sent(8)
	loseTimes(t, w, r, 2, io.EOF)
	assert.ErrorContains(t, w.cause, "delivery.max_request_bytes")
}

// A message that closes three connections alone is given up, with what may have
// been written with it. The rest is sent in a new epoch.
func TestLost_message(t *testing.T) {
	_, p, w, r := sent(1)
	behind := enqueueGroup(p, make([]producer.Message, 1), make(settleCounts, 1))
	assert.Empty(t, loseTimes(t, w, r, 1, io.EOF).recordBatches)
	p.sealed[0].closedAlone = giveUpAfterClosed - 1
	w.broken, w.conn, w.answers = false, &instantConn{}, answersBeforeGivingUp
	r = w.buildRequestLocked(time.Now())
	done := loseTimes(t, w, r, 1, io.EOF)
	require.Len(t, done.recordBatches, 1)
	result := done.recordBatches[0].result
	assert.Equal(t, producer.Unknown, result.Outcome)
	permanent, ok := result.Err.(interface{ Permanent() bool })
	assert.True(t, ok && permanent.Permanent())
	assert.ErrorIs(t, result.Err, io.EOF)
	assert.Empty(t, p.sealed)
	assert.Equal(t, behind, p.waiting.first)
	assert.NotEqual(t, producerState{id: 7, fresh: true}, p.producer, "not under the same numbers")
}

// What may have been written with a message that is given up is unknown, and not
// permanent: sending it again can help.
func TestLost_neighbour(t *testing.T) {
	e, p, w, r := sent(2)
	first := p.sealed[0]
	p.sealed = e.batchPool.splitBytes(first, 1)
	require.Equal(t, []int{1, 1}, counts(p))
	for _, b := range p.sealed {
		b.mayBeWritten = true
	}
	p.sealed[0].closedAlone = giveUpAfterClosed - 1
	r.recordBatches = p.sealed[:1:1]
	done := loseTimes(t, w, r, 1, io.EOF)
	require.Len(t, done.recordBatches, 2)
	for i, b := range done.recordBatches {
		assert.Equal(t, producer.Unknown, b.result.Outcome)
		permanent, ok := b.result.Err.(interface{ Permanent() bool })
		assert.Equal(t, i == 0, ok && permanent.Permanent(), "%v", b.result.Err)
	}
	assert.EqualError(t, done.recordBatches[1].result.Err, "was in a request with a message that no request can carry: EOF")
	assert.Empty(t, p.sealed)
}

// A connection that is closed late was not closed for what the broker has read
// first, the size: a proxy may have waited for an answer.
func TestLost_late(t *testing.T) {
	for after, blamed := range map[time.Duration]int{maxClosingTime: 1, maxClosingTime + 1: 0} {
		_, p, w, r := sent(1)
		var done settlements
		w.connectionLostLocked(r, io.EOF, &done, r.sentAt.Add(after))
		assert.Equal(t, blamed, p.sealed[0].closedAlone, "after %v", after)
	}
	_, p, w, r := sent(8)
	var done settlements
	w.connectionLostLocked(r, io.EOF, &done, r.sentAt.Add(maxClosingTime+1))
	assert.Equal(t, 1, p.sealed[0].closedAlone, "several may be split all the same")
}

// A countingConn counts the small requests, and is closed on one of them.
type countingConn struct {
	instantConn
	asked, closedOn int
}

func (c *countingConn) verify() error {
	if c.asked++; c.asked == c.closedOn {
		return io.EOF
	}
	return nil
}

func (c *countingConn) connect(context.Context, string) (brokerConn, error) { return c, nil }

// Before a record batch goes again on which a connection was closed, the broker
// must answer small requests. If it closes the connection on one of these, the
// record batch is not to blame any more.
func TestLost_smallRequests(t *testing.T) {
	for name, c := range map[string]struct{ limit, closedAlone, closedOn, asked, left int }{
		"nothing lost":        {limit: 0, closedAlone: 0, asked: 0, left: 0},
		"not to blame":        {limit: 1, closedAlone: 0, asked: 1, left: 0},
		"to blame":            {limit: 1, closedAlone: 1, asked: 1, left: 1},
		"last attempt":        {limit: 1, closedAlone: 2, asked: answersBeforeGivingUp, left: 2},
		"lost on a small one": {limit: 1, closedAlone: 2, closedOn: 3, asked: 3, left: 0},
	} {
		t.Run(name, func(t *testing.T) {
			e, p, w, r := sent(1)
			w.removeInFlightLocked(r, time.Now())
			conn := &countingConn{closedOn: c.closedOn}
			e.ctx, e.network, e.closed = t.Context(), conn, false
			w.conn, w.requestSize.limit, p.inFlight, p.sealed[0].closedAlone = nil, c.limit, false, c.closedAlone
			e.scheduleLocked(p, time.Now())
			next := w.nextAction()
			require.Equal(t, stepConnect, next.step)
			w.connect(next.addr, next.small)
			assert.Equal(t, c.asked, conn.asked)
			assert.Equal(t, c.left, p.sealed[0].closedAlone)
			assert.Equal(t, c.closedOn == 0, w.conn != nil)
			if w.conn != nil {
				assert.Equal(t, c.asked, w.answers)
			}
		})
	}
}

// A message that is smaller than any limit of requests is retried, however often
// connections are lost with it: proxies and resets close them, too.
func TestLost_innocent(t *testing.T) {
	e, p, w, r := sent(1)
	e.limits.innocent = p.sealed[0].bytes
	p.sealed[0].closedAlone = giveUpAfterClosed - 1
	assert.Empty(t, loseTimes(t, w, r, 1, io.EOF).recordBatches)
	require.Len(t, p.sealed, 1)
	assert.Equal(t, giveUpAfterClosed-1, p.sealed[0].closedAlone)
}

// Record batches that were not sent follow a limit that was learned since.
func TestLost_splitsUnsent(t *testing.T) {
	_, p, w, r := sent(8)
	p.sealed[0].mayBeWritten = false
	w.removeInFlightLocked(r, time.Now())
	p.inFlight = false
	w.requestSize.limit = 2 * producer.Message{}.Size()
	w.set.engines[0].scheduleLocked(p, time.Now())
	r = w.buildRequestLocked(time.Now())
	assert.Equal(t, 2, r.recordBatches[0].count)
	assert.Equal(t, []int{2, 2, 2, 2}, counts(p))
}

// Timestamps of what may have been written stay: the same records go again.
func TestRestamp_mayBeWritten(t *testing.T) {
	p := testPartition()
	e := testEngine(p)
	now := time.Now()
	var batches []*recordBatch
	for range 2 {
		one := enqueueGroup(p, []producer.Message{{Value: []byte("v")}}, make(settleCounts, 1))
		one.timestamp = now.Add(2 * time.Hour).UnixMilli()
		b := &recordBatch{}
		p.sealLocked(b, 1<<10)
		b.buildRecords(sendLimits{codec: sarama.CompressionNone})
		batches = append(batches, b)
	}
	batches[1].mayBeWritten = true
	assert.True(t, e.restampLocked(p, batches[0], now))
	assert.False(t, batches[0].built)
	assert.True(t, batches[1].built)
	assert.Equal(t, now.Add(2*time.Hour).UnixMilli(), batches[1].ranges[0].submission.timestamp)
}
