package asyncproducer

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Long before sequence numbers wrap, a partition begins anew with another
// producer id, once all that it gave to the old one has ended.
func TestAsyncProducer_renewedBeforeNumbersWrap(t *testing.T) {
	assert.Less(t, int64(renewAfter), int64(1)<<31-1<<20)
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, func(a *Producer) { a.limits.sequences = 3 })
		defer r.Close()
		r.Submit(&newGroup("2", "other").Group)
		synctest.Wait()
		for _, v := range []string{"a", "b", "c"} {
			r.Submit(&newGroup("1", v).Group)
		}
		synctest.Wait()
		require.Len(t, r.started, 2)
		r.Submit(&newGroup("1", "d").Group)
		r.Submit(&newGroup("3", "new").Group)
		synctest.Wait()
		assert.Equal(t, []string{"new"}, values(t, r.started[1]), "d waits for a, b and c")

		old := r.started[0]
		var other *sarama.ProducerMessage
		for _, m := range old.messages() {
			if m.Partition == 2 {
				other = m
				continue
			}
			assert.Len(t, r.started[1].messages(), 1)
			old.ack(m)
			synctest.Wait()
		}
		assert.Equal(t, []string{"new", "d"}, values(t, r.started[1]))
		assert.False(t, old.closed, "partition 2 still waits in it")
		old.ack(other)
		synctest.Wait()
		assert.True(t, old.closed)
		assert.Len(t, r.started, 2)
	})
}

// Close ends an AsyncProducer once, also one that has been replaced and still
// has messages.
func TestAsyncProducer_closeAfterRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, func(a *Producer) { a.limits.sequences = 1 })
		groups := []*group{newGroup("1", "a"), newGroup("2", "b")}
		for _, g := range groups {
			r.Submit(&g.Group)
			synctest.Wait()
		}
		require.Len(t, r.started, 3)
		require.NoError(t, r.Close())
		for i, g := range groups {
			assert.True(t, r.started[i].closed)
			assert.Equal(t, producer.Unknown, g.all()[0].Outcome)
		}
	})
}

// Each failure may use up one of the producer's 32,768 epochs.
func TestAsyncProducer_renewedAfterFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, func(a *Producer) { a.limits.failures = 2 })
		defer r.Close()
		for i := range 2 {
			r.Submit(&newGroup("1", "a").Group)
			synctest.Wait()
			require.Len(t, r.started, 1)
			r.started[0].fail(r.started[0].messages()[i], sarama.ErrTopicAuthorizationFailed)
		}
		synctest.Wait()
		assert.Len(t, r.started, 2)
		assert.True(t, r.started[0].closed)
	})
}

// A producer that cannot begin is tried again for as long as it takes.
func TestAsyncProducer_starts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0, nil)
		defer r.Close()
		r.mu.Lock()
		r.startErr = sarama.ErrClusterAuthorizationFailed
		r.mu.Unlock()
		r.client.set(upTo(4), upTo(4), nil)
		g := newGroup("1", "a")
		r.Submit(&g.Group)
		<-time.After(24 * time.Hour)
		waiting := r.Waiting(time.Second)
		require.Len(t, waiting, 1)
		assert.ErrorIs(t, waiting[0].Cause, sarama.ErrClusterAuthorizationFailed)
		assert.Zero(t, g.settled())

		r.mu.Lock()
		r.startErr = nil
		assert.InDelta(t, 24*time.Hour/maxStartBackoff, r.starts, 10)
		r.mu.Unlock()
		<-time.After(maxStartBackoff)
		synctest.Wait()
		assert.Equal(t, []string{"a"}, values(t, r.started[len(r.started)-1]))
	})
}

func TestProducer_Waiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, nil)
		defer r.Close()
		assert.Empty(t, r.Waiting(0))
		r.Submit(&newGroup("1", "a").Group)
		<-time.After(2 * time.Second)
		r.Submit(&newGroup("1", "b").Group)
		r.Submit(&newGroup("2", "c").Group)
		synctest.Wait()
		start := time.Now()
		waiting := r.Waiting(time.Second)
		require.Len(t, waiting, 1)
		assert.Equal(t, int32(1), waiting[0].Partition)
		assert.Equal(t, 2*time.Second, start.Sub(waiting[0].Since))
		assert.NoError(t, waiting[0].Cause)

		p := r.started[0]
		p.ack(p.messages()[0]) // progress
		synctest.Wait()
		assert.Empty(t, r.Waiting(time.Second))
		<-time.After(time.Second)
		assert.Len(t, r.Waiting(time.Second), 2)
		for _, m := range p.messages() {
			p.fail(m, errors.New("lost"))
		}
		synctest.Wait()
		assert.Empty(t, r.Waiting(0))
	})
}
