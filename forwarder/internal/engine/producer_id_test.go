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

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// slowIDNetwork is willing, but the second who asks for an id waits long for a
// refusal.
type slowIDNetwork struct{ asked *atomic.Int64 }

func (n slowIDNetwork) connect(context.Context, string) (brokerConn, error) {
	return &slowIDConn{asked: n.asked}, nil
}

type slowIDConn struct {
	instantConn
	asked *atomic.Int64
}

func (c *slowIDConn) metadata() (topicMetadata, error) {
	return topicMetadata{leaders: make([]int32, 100), brokers: map[int32]string{0: "b0:9093"}}, nil
}

func (c *slowIDConn) producerID() (producerIDAnswer, error) {
	n := c.asked.Add(1)
	<-time.After(10 * time.Millisecond)
	if n == 2 {
		<-time.After(10 * time.Second)
		return producerIDAnswer{}, errors.New("no ids left")
	}
	return producerIDAnswer{id: n}, nil
}

// When a worker fails that is not needed any more, the one who is goes on.
func TestProducerIDs_failures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := slowIDNetwork{asked: &atomic.Int64{}}
		byKey := func(key []byte, _ int32) int32 { return int32(key[0]) }
		config := Config{Servers: []string{"b0:9093"}, Topic: "events", Sarama: sarama.NewConfig(), Hash: byKey}
		e := startEngine(config, newSendLimits(config), n, 1)
		defer func() { assert.NoError(t, e.Close()) }()
		c := &callers{}
		groups := make([]producer.Group, 100)
		for i := range groups {
			groups[i] = producer.Group{Messages: []producer.Message{{Key: []byte{byte(i)}, Value: []byte("v")}}, Owner: c}
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
