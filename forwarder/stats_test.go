package forwarder

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/settings"
)

// Each message is counted once, when it is decided, also if its caller has stopped waiting
// for it; batches of which no message came are counted by why.
func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fakeProducer{}
		f := withProducer(t, p, func(s *settings.Settings, o *options) {
			s.SendAsBatch = settings.Off
			o.filters = []namedFilter{filter("test", func(_ context.Context, b *batch.Batch) error {
				switch b.NumEvents() {
				case 5:
					return batch.Drop("five")
				case 6:
					return errors.New("six")
				case 7:
					b.DropEvents("most", func(e batch.Event) bool { return e.Index() > 0 })
				}
				return nil
			})}
		})
		limit := settings.Settings{}.WithDefaults().Delivery.MaxBufferedBytes
		assert.Equal(t, Stats{BufferLimit: limit}, f.Stats())

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		f.ForwardAsync(ctx, events(t, 4), nil)
		p.hand(p.groups[0], 3)
		s := f.Stats()
		assert.Equal(t, 4, s.Undecided)
		assert.Positive(t, s.BufferedBytes)
		p.settle(p.groups[0], 0, producer.Result{Outcome: producer.Acknowledged})
		<-time.After(2 * time.Second) // withdraws one and leaves two
		s = f.Stats()
		assert.Equal(t, []any{2, int64(1), int64(1), int64(0)}, []any{s.Undecided, s.Acknowledged, s.NotSent, s.Unknown})
		p.settle(p.groups[0], 1, unknown(errors.New("lost")))
		p.settle(p.groups[0], 2, producer.Result{Outcome: producer.Acknowledged})
		synctest.Wait()
		s = f.Stats()
		assert.Equal(t, Stats{BufferLimit: limit, Acknowledged: 2, NotSent: 1, Unknown: 1}, s, "what was late counts as it ended")

		require.NoError(t, f.Forward(t.Context(), events(t, 5)))
		require.Error(t, f.Forward(t.Context(), events(t, 6)))
		f.ForwardAsync(t.Context(), events(t, 7), nil)
		require.Error(t, f.Forward(ctx, events(t, 1)), "the context has ended")
		require.Error(t, f.Forward(t.Context(), nil))
		require.NoError(t, f.Close())
		require.ErrorIs(t, f.Forward(t.Context(), events(t, 1)), ErrClosed)
		assert.Equal(t, Stats{
			BufferLimit: limit, Acknowledged: 2, NotSent: 2, Unknown: 1,
			NotAccepted: 4, DroppedBatches: 1, DroppedEvents: 5 + 6,
		}, f.Stats())
	})
}

// A caller that knows that a message is decided finds it counted.
func TestStats_countedFirst(t *testing.T) {
	f := withProducer(t, prompt{}, nil)
	defer f.Close()
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for range 500 {
				before := f.Stats()
				if !assert.NoError(t, f.Forward(t.Context(), events(t, 1))) {
					return
				}
				after := f.Stats()
				if !assert.Greater(t, after.Acknowledged, before.Acknowledged) || !assert.LessOrEqual(t, after.Undecided, 3) {
					return
				}
			}
		})
	}
	callers.Wait()
	assert.Equal(t, int64(2000), f.Stats().Acknowledged)
	assert.Zero(t, f.Stats().BufferedBytes)
}

// What waits is there as the observer was told of it, until that ends.
func TestStats_waits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []WaitInfo
		p := &fakeProducer{}
		f := withProducer(t, p, func(_ *settings.Settings, o *options) {
			o.observer.Waiting = func(_ context.Context, i WaitInfo) { told = append(told, i) }
		})
		defer f.Close()
		f.ForwardAsync(t.Context(), events(t, 1), nil)
		cause := errors.New("no leader")
		p.setWaiting(producer.Waiting{Partition: 3, Since: time.Now(), Cause: cause}, producer.Waiting{Partition: 1, Since: time.Now(), Cause: cause})
		assert.Empty(t, f.Stats().Waits)
		<-time.After(5 * time.Second)
		synctest.Wait()
		waits := f.Stats().Waits
		require.Len(t, waits, 2)
		assert.Equal(t, int32(1), waits[0].Partition)
		assert.ElementsMatch(t, told, waits)
		p.setWaiting()
		<-time.After(2 * time.Second)
		assert.Empty(t, f.Stats().Waits)
	})
}

// A metered is a producer that knows its brokers.
type metered struct {
	*fakeProducer
	brokers []producer.BrokerStats
}

func (m metered) Brokers() []producer.BrokerStats { return m.brokers }

// Brokers are those of a producer that knows them.
func TestStats_brokers(t *testing.T) {
	known := []producer.BrokerStats{{ID: 1, Addr: "b1:9093", Requests: 2, Retries: 3, Throttled: 4, Messages: 5, Bytes: 6, BytesSent: 7, Connections: 8, ConnectedSince: time.Now()}}
	f := withProducer(t, metered{&fakeProducer{}, known}, nil)
	assert.Equal(t, []BrokerStats{BrokerStats(known[0])}, f.Stats().Brokers)
	require.NoError(t, f.Close())
	f = withProducer(t, &fakeProducer{}, nil)
	assert.Nil(t, f.Stats().Brokers)
	require.NoError(t, f.Close())
}

// full makes a forwarder whose buffer has room for one batch of two, and takes it.
func full(t *testing.T, p *fakeProducer) *Forwarder {
	t.Helper()
	f := withProducer(t, p, func(s *settings.Settings, _ *options) {
		s.Delivery.MaxMessageBytes, s.Delivery.MaxBufferedBytes = 3000, 3000
	})
	f.ForwardAsync(t.Context(), events(t, 1), nil)
	require.Greater(t, f.Stats().BufferedBytes, int64(1500))
	return f
}

// Ready is an error when calls wait for room in the buffer and get none for a
// second, and until that has changed.
func TestReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fakeProducer{}
		f := full(t, p)
		assert.NoError(t, f.Ready(), "no call waits for room")
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		failed := make(chan error, 1)
		go func() { failed <- f.Forward(ctx, events(t, 1)) }()
		synctest.Wait()
		assert.NoError(t, f.Ready(), "it has just begun to wait")
		assert.Equal(t, 1, f.Stats().WaitingForBuffer)

		cause := errors.New("no leader")
		p.setWaiting(producer.Waiting{Partition: 3, Since: time.Now(), Cause: cause})
		<-time.After(2 * time.Second)
		err := f.Ready()
		require.ErrorIs(t, err, cause)
		assert.ErrorContains(t, err, "forwarder: the buffer is full: ")
		assert.ErrorContains(t, err, "of 3000 bytes are taken, and 1 call waits for room, none of which was given any for 2s")
		require.ErrorIs(t, <-failed, context.DeadlineExceeded)
		assert.ErrorContains(t, f.Ready(), "the last call that waited for room needed", "nothing has changed")

		p.ack(p.groups[0])
		assert.NoError(t, f.Ready())
		require.NoError(t, f.Close())
		assert.ErrorIs(t, f.Ready(), ErrClosed)
	})
}

// Calls that wait their turn for room are nothing unusual under load, and neither
// is one that does not wait for it.
func TestReady_underLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBuffer(100)
		require.NoError(t, b.take(t.Context(), 60))
		for range 30 {
			go func() { assert.NoError(t, b.take(t.Context(), 60)) }()
		}
		for range 30 {
			<-time.After(900 * time.Millisecond)
			b.release(60)
			synctest.Wait()
			_, ok := b.full()
			assert.False(t, ok)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		require.Error(t, b.take(ended, 100))
		_, ok := b.full()
		assert.True(t, ok, "as far as is known")
		require.NoError(t, b.take(t.Context(), 10))
		_, ok = b.full()
		assert.False(t, ok, "another has got room")
	})
}

// Stats allocates its lists and nothing else.
func TestStats_allocations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where no round of a watcher, which allocates, runs beside it
		f, end := waiting48(t)
		defer end()
		synctest.Wait()
		assert.Equal(t, 2, int(testing.AllocsPerRun(100, func() { f.Stats() })), "one of each")
	})
}

func BenchmarkStats(b *testing.B) {
	f, end := waiting48(b)
	defer end()
	b.ReportAllocs()
	for b.Loop() {
		f.Stats()
	}
}

// waiting48 is a forwarder with 48 partitions that wait, on three brokers.
func waiting48(tb testing.TB) (f *Forwarder, end func()) {
	tb.Helper()
	p := metered{&fakeProducer{}, nil}
	for i := range int32(3) {
		p.brokers = append(p.brokers, producer.BrokerStats{ID: i, Addr: fmt.Sprintf("b%d:9093", i)})
	}
	f = withProducer(tb, p, nil)
	f.ForwardAsync(tb.Context(), events(tb, 1), nil)
	var list []producer.Waiting
	for i := range int32(48) {
		list = append(list, producer.Waiting{Partition: i, Since: time.Now().Add(-time.Minute), Cause: errors.New("no leader"), Next: "asking"})
	}
	p.setWaiting(list...)
	require.Eventually(tb, func() bool { return len(f.Stats().Waits) == 48 }, time.Minute, 10*time.Millisecond)
	return f, func() { require.NoError(tb, f.Close()) }
}

// With several topics waits name theirs. A broker's numbers are of all, who share the
// connections.
func TestStats_topics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := []producer.BrokerStats{{ID: 1, Addr: "b1:9093", Requests: 1, Bytes: 2}, {ID: 3, Retries: 5}}
		first, second := metered{&fakeProducer{}, shared}, metered{&fakeProducer{}, shared}
		s := settings.Settings{}.WithDefaults()
		f := newWithoutTopic(s, options{logger: slog.New(slog.DiscardHandler)})
		f.addTopic("a", s, first, fakeProbe{})
		f.addTopic("b", s, second, fakeProbe{})
		defer f.Close()
		assert.Equal(t, []BrokerStats{{ID: 1, Addr: "b1:9093", Requests: 1, Bytes: 2}, {ID: 3, Retries: 5}}, f.Stats().Brokers)

		f.ForwardAsync(t.Context(), events(t, 1), nil)
		f.topics[1].watch.Arm()
		second.setWaiting(producer.Waiting{Partition: 1, Since: time.Now()})
		first.setWaiting(producer.Waiting{Partition: 2, Since: time.Now()})
		<-time.After(5 * time.Second)
		waits := f.Stats().Waits
		require.Len(t, waits, 2)
		assert.Equal(t, []any{"a", int32(2), "b", int32(1)}, []any{waits[0].Topic, waits[0].Partition, waits[1].Topic, waits[1].Partition})
	})
}
