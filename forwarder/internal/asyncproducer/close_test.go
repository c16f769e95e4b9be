package asyncproducer

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

func TestProducer_close(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, func(a *Producer) { a.limits.messages = 1 })
		g := newGroup("1", "a", "b")
		r.Submit(&g.Group)
		synctest.Wait()
		for range 2 {
			go func() { assert.NoError(t, r.Close()) }()
		}
		require.NoError(t, r.Close())
		for i, want := range []producer.Outcome{producer.Unknown, producer.NotSent} {
			assert.Equal(t, want, g.all()[i].Outcome)
			assert.ErrorIs(t, g.all()[i].Err, producer.ErrClosed)
		}
		assert.Equal(t, 2, g.settled())
		assert.True(t, r.client.closed)

		late := newGroup("1", "c")
		r.Submit(&late.Group)
		assert.Equal(t, []producer.Result{{Outcome: producer.NotSent, Partition: -1, Offset: -1, Err: producer.ErrClosed}}, late.all())
	})
}

// Close does not wait for long while Sarama waits: what it does not give back is
// unknown, once.
func TestProducer_closeWhileSaramaWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, func(a *Producer) { a.limits.messages = 2 })
		g := newGroup("1", "a", "b", "c")
		r.Submit(&g.Group)
		synctest.Wait()
		p := r.started[0]
		p.ending = make(chan struct{})
		p.ack(p.messages()[0])
		synctest.Wait()
		require.Equal(t, []string{"a", "b", "c"}, values(t, p))
		later := newGroup("1", "d", "e")
		r.Submit(&later.Group)
		synctest.Wait()

		start := time.Now()
		require.NoError(t, r.Close())
		assert.Equal(t, closeGrace, time.Since(start))
		closed := func(o producer.Outcome, partition int32) producer.Result {
			return producer.Result{Outcome: o, Partition: partition, Offset: -1, Err: producer.ErrClosed}
		}
		acked := producer.Result{Outcome: producer.Acknowledged, Partition: 1, Offset: 1000}
		want := []producer.Result{acked, closed(producer.Unknown, 1), closed(producer.Unknown, 1)}
		assert.Equal(t, want, g.all())
		assert.Equal(t, []producer.Result{closed(producer.NotSent, -1), closed(producer.NotSent, -1)}, later.all())

		require.NoError(t, r.Close())
		assert.Equal(t, closeGrace, time.Since(start), "the second time it does not wait")
		close(p.ending)
		synctest.Wait()
		assert.Equal(t, want, g.all())
		assert.Equal(t, 5, g.settled()+later.settled())
	})
}

// Close ends AsyncProducers when nothing is handed over to them any more.
func TestProducer_closeWhileHandingOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, nil)
		synctest.Wait()
		p := r.started[0]
		p.taking = make(chan struct{})
		g, waiting := newGroup("1", "a"), newGroup("2", "b")
		r.Submit(&g.Group)
		synctest.Wait()
		r.Submit(&waiting.Group)
		synctest.Wait()
		closed := make(chan error)
		go func() { closed <- r.Close() }()
		synctest.Wait()
		assert.False(t, p.closed)
		close(p.taking)
		require.NoError(t, <-closed)
		assert.True(t, p.closed)
		for _, g := range []*group{g, waiting} {
			assert.Equal(t, producer.Unknown, g.all()[0].Outcome)
			assert.Equal(t, 1, g.settled())
		}
	})
}

// An AsyncProducer that starts only after Close ends at once.
func TestProducer_closeWhileStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0, nil)
		r.starting = make(chan struct{})
		r.client.set(upTo(4), upTo(4), nil)
		g := newGroup("1", "a")
		r.Submit(&g.Group)
		<-time.After(time.Minute)
		require.NoError(t, r.Close())
		assert.Equal(t, producer.NotSent, g.all()[0].Outcome)
		close(r.starting)
		synctest.Wait()
		assert.True(t, r.started[0].closed)
		assert.True(t, r.client.closed)
	})
}
