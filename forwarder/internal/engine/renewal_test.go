package engine

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// A renewingNetwork counts what is done with connections to one broker.
type renewingNetwork struct {
	mu      sync.Mutex
	refuses error         // the next connections
	hangs   bool          // connecting
	late    bool          // connecting takes a second, also when its context has ended
	delay   time.Duration // of answers to produce requests

	opened   int // connections that were accepted
	asked    int // attempts to connect
	open     int // connections that are not closed
	mostOpen int
	metadata int // questions
	cut      int // requests whose connection was closed before the answer
	requests []*renewingConn
}

func (n *renewingNetwork) set(change func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change()
}

// count reads a counter.
func (n *renewingNetwork) count(counter *int) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return *counter
}

func (n *renewingNetwork) connect(ctx context.Context, _ string) (brokerConn, error) {
	n.mu.Lock()
	n.asked++
	refuses, hangs, late := n.refuses, n.hangs, n.late
	n.mu.Unlock()
	if late {
		<-time.After(time.Second)
	}
	if hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	<-time.After(time.Millisecond)
	if refuses != nil {
		return nil, refuses
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.opened++
	n.open++
	n.mostOpen = max(n.mostOpen, n.open)
	return &renewingConn{network: n, number: n.opened}, nil
}

type renewingConn struct {
	instantConn
	network  *renewingNetwork
	number   int
	inFlight int
	closed   bool
}

func (c *renewingConn) produce(r *produceRequest, answered func(*sarama.ProduceResponse, error)) error {
	n := c.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if c.closed {
		return errors.New("used after it was closed")
	}
	n.requests = append(n.requests, c)
	c.inFlight++
	delay := n.delay
	c.answering.Go(func() {
		<-time.After(delay)
		n.mu.Lock()
		c.inFlight--
		closed := c.closed
		n.mu.Unlock()
		if closed {
			answered(nil, errSimClosed)
			return
		}
		_ = c.instantConn.produce(r, answered)
	})
	return nil
}

func (c *renewingConn) metadata() (topicMetadata, error) {
	c.network.set(func() { c.network.metadata++ })
	return c.instantConn.metadata()
}

func (c *renewingConn) abort() {
	n := c.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if !c.closed {
		c.closed = true
		n.open--
		n.cut += c.inFlight
	}
}

// A renewed is an engine whose connections are renewed, with one user a partition.
type renewed struct {
	*Engine
	network *renewingNetwork
	sent    []*lockedCounts

	mu      sync.Mutex
	refused []error
}

func startRenewed(t *testing.T, age time.Duration) *renewed {
	t.Helper()
	r := &renewed{network: &renewingNetwork{}}
	config := Config{
		Servers: []string{"b0:9093"}, Topic: "events", Sarama: sarama.NewConfig(), MaxConnectionAge: age,
		RenewalRefused: func(addr string, cause error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			assert.Equal(t, "b0:9093", addr)
			r.refused = append(r.refused, cause)
		},
	}
	r.Engine = startEngine(config, newSendLimits(config), r.network, 1)
	for range 100 {
		r.send(100) // so that every partition has a producer id
	}
	<-time.After(idConnKeepAlive + time.Second) // the connections for those are closed
	synctest.Wait()
	require.Equal(t, 2, r.network.count(&r.network.open), "for messages and for metadata")
	return r
}

func (r *renewed) send(size int) {
	own := &lockedCounts{counts: make(settleCounts, 1)}
	r.sent = append(r.sent, own)
	r.Submit(&producer.Group{Messages: []producer.Message{{Key: strconv.AppendInt(nil, int64(len(r.sent)), 10), Value: make([]byte, size)}}, Owner: own})
}

// sendFor sends a message every ten seconds.
func (r *renewed) sendFor(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		r.send(100)
		<-time.After(10 * time.Second)
	}
}

// settled checks that each message was settled once.
func (r *renewed) settled(t *testing.T) {
	t.Helper()
	synctest.Wait()
	for i, own := range r.sent {
		own.mu.Lock()
		assert.Equal(t, settleCounts{1}, own.counts, "message %d", i)
		own.mu.Unlock()
	}
}

func (r *renewed) refusals() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.refused)
}

// A connection that is used is renewed once for each age, and no request is sent
// again for it.
func TestRenewal(t *testing.T) {
	for age, want := range map[time.Duration][2]int{
		0:                {0, 0},
		20 * time.Minute: {4, 12},
		time.Minute:      {60, 110},
	} {
		t.Run(age.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := startRenewed(t, age)
				before, requests := r.network.count(&r.network.opened), len(r.network.requests)
				sent := len(r.sent)
				r.sendFor(time.Hour)
				opened := r.network.count(&r.network.opened) - before
				assert.LessOrEqual(t, want[0], opened)
				assert.GreaterOrEqual(t, want[1], opened)
				r.settled(t)
				assert.Len(t, r.network.requests, requests+len(r.sent)-sent, "each was sent once")
				assert.Zero(t, r.refusals())
				assert.Equal(t, 2, r.network.count(&r.network.open), "old ones are closed")
				require.NoError(t, r.Close())
				assert.Zero(t, r.network.count(&r.network.cut))
				assert.Zero(t, r.network.open)
			})
		})
	}
}

// The connection for metadata is renewed when it has become old, and then at the
// next question that is not urgent. Without messages there is nothing else to renew.
func TestRenewal_metadata(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRenewed(t, 22*time.Minute)
		before := r.network.count(&r.network.opened)
		<-time.After(19 * time.Minute)
		assert.Equal(t, before, r.network.count(&r.network.opened))
		assert.Equal(t, 1, r.network.count(&r.network.open), "that for messages is closed")
		<-time.After(7 * time.Minute)
		assert.Equal(t, before+1, r.network.count(&r.network.opened))
		<-time.After(time.Hour)
		assert.Equal(t, before+3, r.network.count(&r.network.opened))
		assert.Equal(t, 1, r.network.count(&r.network.open))
		require.NoError(t, r.Close())
		assert.Zero(t, r.network.open)
	})
}

// While newer connections are refused, the old ones stay, and each refusal is told.
// As soon as they are accepted, they take over.
func TestRenewal_refused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRenewed(t, 10*time.Minute)
		errPassword := errors.New("wrong password")
		requests, sent := len(r.network.requests), len(r.sent)
		r.network.set(func() { r.network.refuses = errPassword })
		asked, opened := r.network.count(&r.network.asked), r.network.count(&r.network.opened)
		r.sendFor(time.Hour)
		r.settled(t)
		assert.Equal(t, opened, r.network.count(&r.network.opened))
		assert.Zero(t, r.network.count(&r.network.cut))
		refusals := r.refusals()
		assert.Equal(t, r.network.count(&r.network.asked)-asked, refusals)
		assert.Greater(t, refusals, 80, "one in half a minute")
		assert.Less(t, refusals, 130)
		assert.ErrorIs(t, r.refused[0], errPassword)
		assert.Len(t, r.network.requests, requests+len(r.sent)-sent, "each was sent once")

		r.network.set(func() { r.network.refuses = nil })
		r.sendFor(8 * time.Minute)
		r.settled(t)
		assert.Equal(t, refusals, r.refusals())
		assert.Equal(t, opened+2, r.network.count(&r.network.opened), "for messages and for metadata")
		require.NoError(t, r.Close())
		assert.Zero(t, r.network.open)
	})
}

// A newer connection that does not answer holds nothing up.
func TestRenewal_hangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRenewed(t, time.Minute)
		r.network.set(func() { r.network.hangs = true })
		r.sendFor(20 * time.Minute)
		r.settled(t)
		metadata := r.network.count(&r.network.metadata)
		r.Engine.metadata.requestLocked()
		<-time.After(time.Second)
		assert.Equal(t, metadata+1, r.network.count(&r.network.metadata), "a question is asked on the old one")
		assert.Zero(t, r.network.count(&r.network.cut))
		assert.Zero(t, r.refusals())
		require.NoError(t, r.Close())
		assert.Zero(t, r.network.open)
	})
}

// What is in flight is answered on the old connection. Nothing more is sent until
// then, and all that is sent afterwards goes on the newer one.
func TestRenewal_inFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRenewed(t, time.Minute)
		r.sendFor(2 * time.Minute)
		r.settled(t)
		r.network.set(func() { r.network.delay = 3 * time.Second })
		for range 600 {
			for range 5 {
				r.send(minPipelinedBytes / 4)
			}
			<-time.After(time.Second)
		}
		<-time.After(time.Minute)
		r.settled(t)
		assert.Zero(t, r.network.count(&r.network.cut))
		require.NoError(t, r.Close())
		n := r.network
		last := 0
		used := map[int]int{}
		for _, c := range n.requests {
			assert.GreaterOrEqual(t, c.number, last, "none goes back to an older connection")
			last = c.number
			used[c.number]++
		}
		assert.GreaterOrEqual(t, len(used), 9, "a load that never pauses is no reason to wait")
		assert.Zero(t, n.open)
	})
}

// Close ends an attempt, and closes a newer connection that has not taken over.
func TestRenewal_close(t *testing.T) {
	for name, tt := range map[string]struct{ hangs, late, inFlight bool }{
		"while it is opened, late":     {late: true},
		"while it is opened":           {hangs: true},
		"before it takes over":         {inFlight: true},
		"while it is opened, and more": {hangs: true, inFlight: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := startRenewed(t, time.Minute)
				r.sendFor(time.Minute)
				r.network.set(func() {
					r.network.hangs, r.network.late = tt.hangs, tt.late
					if tt.inFlight {
						r.network.delay = time.Second
					}
				})
				asked := r.network.count(&r.network.asked)
				for r.network.count(&r.network.asked) == asked {
					r.send(100)
					<-time.After(100 * time.Millisecond)
				}
				<-time.After(2 * time.Millisecond)
				require.NoError(t, r.Close())
				r.settled(t)
				assert.Zero(t, r.network.open)
			})
		})
	}
}

// A newer connection is of no use when the old one is lost before it takes over, or
// while it is opened.
func TestRenewal_lost(t *testing.T) {
	for name, opening := range map[string]bool{"while it is opened": true, "before it takes over": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := startRenewed(t, time.Minute)
				r.sendFor(time.Minute)
				r.network.set(func() { r.network.delay = time.Second })
				asked := r.network.count(&r.network.asked)
				for r.network.count(&r.network.asked) == asked {
					r.send(100)
					<-time.After(100 * time.Millisecond)
				}
				if !opening {
					<-time.After(2 * time.Millisecond)
				}
				r.Engine.mu.Lock()
				old := r.workers[0].conn
				r.Engine.mu.Unlock()
				old.abort()
				<-time.After(10 * time.Second)
				r.settled(t)
				assert.LessOrEqual(t, r.network.count(&r.network.open), 2, "for messages and for metadata")
				require.NoError(t, r.Close())
				assert.Zero(t, r.network.open)
			})
		})
	}
}

// Connections are not all renewed at once.
func TestRenewAt(t *testing.T) {
	now := time.Now()
	rand := newRandomSource().stream(randBroker)
	assert.Zero(t, renewAt(now, 0, rand))
	different := map[time.Time]bool{}
	for range 100 {
		at := renewAt(now, time.Hour, rand)
		assert.False(t, at.After(now.Add(time.Hour)))
		assert.False(t, at.Before(now.Add(54*time.Minute)))
		different[at] = true
	}
	assert.Greater(t, len(different), 50)
	assert.False(t, renewAt(now, 1, rand).Before(now))
}
