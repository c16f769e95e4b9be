package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/deliver"
)

// reluctant is willing, but the second who asks for an id waits long for a
// refusal.
type reluctant struct{ asked *atomic.Int64 }

func (n reluctant) connect(context.Context, string) (conn, error) {
	return &reluctantConn{asked: n.asked}, nil
}

type reluctantConn struct {
	willingConn
	asked *atomic.Int64
}

func (c *reluctantConn) metadata() (view, error) {
	return view{leaders: make([]int32, 100), brokers: map[int32]string{0: "b0:9093"}}, nil
}

func (c *reluctantConn) producerID() (int64, error) {
	n := c.asked.Add(1)
	<-time.After(10 * time.Millisecond)
	if n == 2 {
		<-time.After(10 * time.Second)
		return noProducer, errors.New("no ids left")
	}
	return n, nil
}

// When a clerk fails that is not needed any more, the one who is goes on.
func TestIDs_failures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := reluctant{asked: &atomic.Int64{}}
		byKey := func(key []byte, _ int32) int32 { return int32(key[0]) }
		config := Config{Servers: []string{"b0:9093"}, Topic: "events", Sarama: sarama.NewConfig(), Hash: byKey}
		e := start(config, newLimits(config), n, 1)
		defer func() { assert.NoError(t, e.Close()) }()
		c := &crowd{}
		groups := make([]deliver.Group, 100)
		for i := range groups {
			groups[i] = deliver.Group{Messages: []deliver.Message{{Key: []byte{byte(i)}, Value: []byte("v")}}, Owner: c}
		}
		done := make(chan struct{})
		go func() {
			c.round(e, groups)
			close(done)
		}()
		select {
		case <-done:
		case <-time.After(time.Hour):
			require.Empty(t, e.Waiting(0))
		}
	})
}
