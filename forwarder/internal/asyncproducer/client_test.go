package asyncproducer

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// leading is what Leader comes to, in the background.
func leading(c client, partition int32) <-chan error {
	result := make(chan error, 1)
	go func() {
		_, err := c.Leader("events", partition)
		result <- err
	}()
	return result
}

// AsyncProducer's circuit breaker counts failures of the search for a leader.
// There are none.
func TestClient_leaderWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, nil)
		defer r.Close()
		synctest.Wait()
		leaderless := fmt.Errorf("events: %w", sarama.ErrLeaderNotAvailable)
		r.client.set(upTo(4), []int32{0, 2, 3}, leaderless)
		require.NoError(t, r.seen().RefreshMetadata("events"))
		one, two := leading(r.seen(), 1), leading(r.seen(), 2)
		<-time.After(time.Second)
		assert.NoError(t, <-two, "another partition has its leader")
		<-time.After(24 * time.Hour)
		assert.Empty(t, one)
		assert.ErrorIs(t, r.metadata.cause(1), sarama.ErrLeaderNotAvailable)
		assert.NoError(t, r.metadata.cause(2))

		r.client.set(upTo(4), upTo(4), nil)
		start := time.Now()
		assert.NoError(t, <-one)
		assert.LessOrEqual(t, time.Since(start), maxRefreshBackoff)
	})
}

// No outage surfaces, whatever its length, and it costs few attempts.
func TestClient_outage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, nil)
		defer r.Close()
		synctest.Wait()
		down := errors.New("connection refused")
		r.client.set(upTo(4), upTo(4), down)
		before := r.client.asked()
		require.NoError(t, r.seen().RefreshMetadata("events"), "who asks for newer metadata is not blocked")
		var waiting []<-chan error
		for p := range int32(4) {
			waiting = append(waiting, leading(r.seen(), p))
		}
		<-time.After(24 * time.Hour)
		for _, w := range waiting {
			assert.Empty(t, w)
		}
		assert.InDelta(t, 24*3600/2, r.client.asked()-before, 100, "one attempt in 2 seconds for all")
		assert.ErrorIs(t, r.metadata.cause(3), down)

		r.client.set(upTo(4), upTo(4), nil)
		for _, w := range waiting {
			assert.NoError(t, <-w)
		}
		assert.NoError(t, r.metadata.cause(3))
	})
}

// The news must be newer than the question: the broker that had been leader
// may be so no more.
func TestClient_leaderIsNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, nil)
		defer r.Close()
		<-time.After(time.Second)
		before := r.client.asked()
		require.NoError(t, <-leading(r.seen(), 1))
		assert.Equal(t, before, r.client.asked(), "what is known need not be asked for")
		require.NoError(t, r.seen().RefreshMetadata("events"))
		require.NoError(t, <-leading(r.seen(), 1))
		assert.Equal(t, before+1, r.client.asked())
	})
}

func TestClient_growth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 2, nil)
		defer r.Close()
		synctest.Wait()
		r.client.set(upTo(4), upTo(4), nil)
		r.Submit(&newGroup("3", "a").Group)
		<-time.After(producer.MetadataMaxAge + time.Second)
		r.Submit(&newGroup("3", "b").Group)
		synctest.Wait()
		got := r.started[0].messages()
		assert.Equal(t, int32(1), got[0].Partition)
		assert.Equal(t, int32(3), got[1].Partition)
	})
}

// A message without a key goes where there is a leader now.
func TestClient_keyless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, nil)
		defer r.Close()
		synctest.Wait()
		r.client.set(upTo(4), []int32{2}, sarama.ErrLeaderNotAvailable)
		require.NoError(t, r.seen().RefreshMetadata("events"))
		require.NoError(t, <-leading(r.seen(), 2))
		for range 20 {
			r.Submit(&newGroup("", "a").Group)
		}
		synctest.Wait()
		for _, m := range r.started[0].messages() {
			assert.Equal(t, int32(2), m.Partition)
		}
		r.client.set(upTo(4), nil, sarama.ErrLeaderNotAvailable)
		require.NoError(t, r.seen().RefreshMetadata("events"))
		leading(r.seen(), 2)
		<-time.After(time.Minute)
		chosen := map[int32]bool{}
		for range 200 {
			g := newGroup("", "a")
			r.Submit(&g.Group)
			partition, _ := r.Withdraw(&g.Group)
			chosen[partition] = true
		}
		assert.Len(t, chosen, 4, "without any leader they wait in any")
	})
}

// An answer that is not Kafka's is refused: others are asked.
func TestClient_oddMetadata(t *testing.T) {
	for name, all := range map[string][]int32{
		"negative": {-1, 0, 1, 2}, "far too many": {0, 1, 5_000_000}, "largest": {math.MaxInt32}, "none": {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 0, nil)
				defer r.Close()
				r.client.set(all, all, nil)
				r.Submit(&newGroup("1", "a").Group)
				<-time.After(time.Minute)
				require.Len(t, r.Waiting(0), 1)
				assert.ErrorIs(t, r.Waiting(0)[0].Cause, sarama.ErrUnknownTopicOrPartition)
				r.client.set(upTo(4), upTo(4), nil)
				<-time.After(maxRefreshBackoff)
				synctest.Wait()
				assert.Equal(t, []string{"a"}, values(t, r.started[0]))
			})
		})
	}
}

// Partitions whose leaders are not known are not known.
func TestClient_leadersUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0, nil)
		defer r.Close()
		r.client.mu.Lock()
		r.client.all, r.client.err, r.client.leaderErr = upTo(4), nil, sarama.ErrUnknownTopicOrPartition
		r.client.mu.Unlock()
		<-time.After(time.Minute)
		assert.Empty(t, r.started)
		r.Submit(&newGroup("1", "a").Group)
		assert.ErrorIs(t, r.Waiting(0)[0].Cause, sarama.ErrUnknownTopicOrPartition)
		assert.Equal(t, producer.NoPartition, r.Waiting(0)[0].Partition)
	})
}

func TestClient_abort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0, nil)
		waiting := leading(r.seen(), 1)
		synctest.Wait()
		require.NoError(t, r.Close())
		assert.ErrorIs(t, <-waiting, producer.ErrClosed)
	})
}
