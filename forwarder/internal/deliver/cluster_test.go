package deliver

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// leading is what Leader comes to, in the background.
func leading(c *cluster, partition int32) <-chan error {
	result := make(chan error, 1)
	go func() {
		_, err := c.Leader("events", partition)
		result <- err
	}()
	return result
}

// AsyncProducer's circuit breaker counts failures of the search for a leader.
// There are none.
func TestCluster_leaderWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, nil)
		defer r.Close()
		synctest.Wait()
		leaderless := fmt.Errorf("events: %w", sarama.ErrLeaderNotAvailable)
		r.client.set(upTo(4), []int32{0, 2, 3}, leaderless)
		require.NoError(t, r.cluster.RefreshMetadata("events"))
		one, two := leading(r.cluster, 1), leading(r.cluster, 2)
		<-time.After(time.Second)
		assert.NoError(t, <-two, "another partition has its leader")
		<-time.After(24 * time.Hour)
		assert.Empty(t, one)
		assert.ErrorIs(t, r.cluster.cause(1), sarama.ErrLeaderNotAvailable)
		assert.NoError(t, r.cluster.cause(2))

		r.client.set(upTo(4), upTo(4), nil)
		start := time.Now()
		assert.NoError(t, <-one)
		assert.LessOrEqual(t, time.Since(start), longestRefresh)
	})
}

// No outage surfaces, whatever its length, and it costs few attempts.
func TestCluster_outage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, nil)
		defer r.Close()
		synctest.Wait()
		down := errors.New("connection refused")
		r.client.set(upTo(4), upTo(4), down)
		before := r.client.asked()
		require.NoError(t, r.cluster.RefreshMetadata("events"), "who asks for newer metadata is not blocked")
		var waiting []<-chan error
		for p := range int32(4) {
			waiting = append(waiting, leading(r.cluster, p))
		}
		<-time.After(24 * time.Hour)
		for _, w := range waiting {
			assert.Empty(t, w)
		}
		assert.InDelta(t, 24*3600/2, r.client.asked()-before, 100, "one attempt in 2 seconds for all")
		assert.ErrorIs(t, r.cluster.cause(3), down)

		r.client.set(upTo(4), upTo(4), nil)
		for _, w := range waiting {
			assert.NoError(t, <-w)
		}
		assert.NoError(t, r.cluster.cause(3))
	})
}

// The news must be newer than the question: the broker that had been leader
// may be so no more.
func TestCluster_leaderIsNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, nil)
		defer r.Close()
		<-time.After(time.Second)
		before := r.client.asked()
		require.NoError(t, <-leading(r.cluster, 1))
		assert.Equal(t, before, r.client.asked(), "what is known need not be asked for")
		require.NoError(t, r.cluster.RefreshMetadata("events"))
		require.NoError(t, <-leading(r.cluster, 1))
		assert.Equal(t, before+1, r.client.asked())
	})
}

func TestCluster_growth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 2, nil)
		defer r.Close()
		synctest.Wait()
		r.client.set(upTo(4), upTo(4), nil)
		r.Submit(&newGroup("3", "a").Group)
		<-time.After(refreshEvery + time.Second)
		r.Submit(&newGroup("3", "b").Group)
		synctest.Wait()
		got := r.sessions[0].messages()
		assert.Equal(t, int32(1), got[0].Partition)
		assert.Equal(t, int32(3), got[1].Partition)
	})
}

// A message without a key goes where there is a leader now.
func TestCluster_keyless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, func(a *Async) { a.choose = byFirstByte{func(n int32) int32 { return n - 1 }} })
		defer r.Close()
		synctest.Wait()
		r.client.set(upTo(4), []int32{0, 1}, sarama.ErrLeaderNotAvailable)
		require.NoError(t, r.cluster.RefreshMetadata("events"))
		<-time.After(time.Minute)
		r.Submit(&newGroup("", "a").Group)
		r.Submit(&newGroup("3", "b").Group)
		r.client.set(upTo(4), nil, sarama.ErrLeaderNotAvailable)
		<-time.After(time.Minute)
		r.Submit(&newGroup("", "c").Group)
		synctest.Wait()
		var got []int32
		for _, m := range r.sessions[0].messages() {
			got = append(got, m.Partition)
		}
		assert.Equal(t, []int32{1, 3, 3}, got)
	})
}

func TestCluster_abort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0, nil)
		waiting := leading(r.cluster, 1)
		synctest.Wait()
		require.NoError(t, r.Close())
		assert.ErrorIs(t, <-waiting, ErrClosed)
	})
}
