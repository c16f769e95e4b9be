package engine

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/happyeyeballs"
)

// A slowFirst network answers at b0 after a second, at others at once.
type slowFirst struct{ open *atomic.Int64 }

func (n slowFirst) connect(_ context.Context, addr string) (brokerConn, error) {
	n.open.Add(1)
	return &slowFirstConn{open: n.open, addr: addr, gone: make(chan struct{})}, nil
}

type slowFirstConn struct {
	instantConn
	open      *atomic.Int64
	addr      string
	throttled time.Duration
	closed    atomic.Bool
	gone      chan struct{}
}

func (c *slowFirstConn) metadata() (topicMetadata, error) {
	if c.addr == "b0" {
		<-time.After(time.Second)
	}
	return topicMetadata{leaders: []int32{0}}, nil
}

func (c *slowFirstConn) throttledFor() time.Duration { return c.throttled }

func (c *slowFirstConn) close() {
	if !c.closed.Swap(true) {
		c.open.Add(-1)
	}
}

func newTestAnyBroker(n brokerNetwork) *anyBroker {
	return &anyBroker{
		ctx: context.Background(), network: n, servers: []string{"b0", "b1"},
		known: func() []string { return nil }, rand: rand.New(rand.NewPCG(1, 2)),
	}
}

// Of several brokers that are asked beside each other one connection is kept.
func TestAskAny_surplus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := slowFirst{&atomic.Int64{}}
		a := newTestAnyBroker(n)
		_, err := askAny(a, brokerConn.metadata)
		require.NoError(t, err)
		assert.Equal(t, "b1", a.addr)
		<-time.After(2 * time.Second)
		synctest.Wait()
		assert.Equal(t, int64(1), n.open.Load(), "the other one is closed")
		a.close()
		assert.Zero(t, n.open.Load())
	})
}

// Of two brokers that answer in the same instant one connection is kept, also when the
// question has not ended yet as the second answer comes.
func TestAskAny_surplusAtOnce(t *testing.T) {
	for range 300 {
		synctest.Test(t, func(t *testing.T) {
			n := slowFirst{&atomic.Int64{}}
			a := newTestAnyBroker(atOnce{n})
			_, err := askAny(a, brokerConn.metadata)
			require.NoError(t, err)
			synctest.Wait()
			assert.Equal(t, int64(1), n.open.Load(), "the other one is closed")
			a.close()
		})
	}
}

// An atOnce network answers at b0 when the next broker is asked beside it.
type atOnce struct{ slowFirst }

func (n atOnce) connect(ctx context.Context, addr string) (brokerConn, error) {
	c, err := n.slowFirst.connect(ctx, addr)
	return &atOnceConn{c.(*slowFirstConn)}, err //nolint:errcheck // it is one
}

type atOnceConn struct{ *slowFirstConn }

func (c *atOnceConn) metadata() (topicMetadata, error) {
	if c.addr == "b0" {
		<-time.After(happyeyeballs.Stagger)
	}
	return topicMetadata{leaders: []int32{0}}, nil
}

// A broker whose answer did not help is asked last.
func TestAskAny_others(t *testing.T) {
	n := slowFirst{&atomic.Int64{}}
	a := newTestAnyBroker(n)
	a.servers = []string{"b1", "b2", "b3"}
	var asked []string
	for range 4 {
		_, err := askAny(a, brokerConn.metadata)
		require.NoError(t, err)
		asked = append(asked, a.addr)
		a.askOthers()
	}
	for i, addr := range asked[1:] {
		assert.NotEqual(t, asked[i], addr)
	}
	assert.Zero(t, n.open.Load())
}

// A broker that throttles is asked again on the same connection when its quota
// permits that, or on another one after a second.
func TestAskAny_throttled(t *testing.T) {
	for name, c := range map[string]struct {
		throttled, waits time.Duration
		kept             bool
	}{
		"not":      {0, 0, true},
		"shortly":  {300 * time.Millisecond, 300 * time.Millisecond, true},
		"for long": {time.Minute, maxThrottleWait, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newTestAnyBroker(slowFirst{&atomic.Int64{}})
				a.servers = []string{"b1"}
				_, err := askAny(a, brokerConn.metadata)
				require.NoError(t, err)
				first := a.conn
				first.(*slowFirstConn).throttled = c.throttled //nolint:errcheck // it is one
				start := time.Now()
				_, err = askAny(a, brokerConn.metadata)
				require.NoError(t, err)
				assert.Equal(t, c.waits, time.Since(start))
				assert.Equal(t, c.kept, first == a.conn)
				a.close()
			})
		})
	}
}
