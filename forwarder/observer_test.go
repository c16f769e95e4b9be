package forwarder

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/settings"
)

// A told is one call of an observer.
type told struct {
	what string
	info ForwardInfo
}

func observing(list *[]told, calls ...namedFilter) func(*settings.Settings, *options) {
	return func(s *settings.Settings, o *options) {
		s.SendAsBatch = settings.Off
		o.filters = calls
		o.observer.Done = func(_ context.Context, i ForwardInfo) { *list = append(*list, told{"done", i}) }
		o.observer.Settled = func(_ context.Context, i ForwardInfo) { *list = append(*list, told{"settled", i}) }
	}
}

func TestObserver_done(t *testing.T) {
	var list []told
	f := withProducer(t, &fakeProducer{acks: true}, observing(&list, filter("last", func(_ context.Context, b *batch.Batch) error {
		b.DropEvents("odd", func(e batch.Event) bool { return e.Index() == 1 })
		return nil
	})))
	require.NoError(t, f.Forward(t.Context(), events(t, 3)))
	f.Close()
	require.Len(t, list, 1)
	info := list[0].info
	assert.NoError(t, info.Err)
	assert.Equal(t, 3, info.Events)
	assert.Equal(t, []Dropped{{Filter: "last", Reason: "odd", Events: 1}}, info.Dropped)
	require.Len(t, info.Messages, 2)
	assert.Equal(t, Message{Partition: 3, Offset: 101, Events: 1, Bytes: info.Messages[1].Bytes}, info.Messages[1])
	assert.Positive(t, info.Messages[1].Bytes)
}

func TestObserver_droppedBatch(t *testing.T) {
	var list []told
	f := withProducer(t, &fakeProducer{acks: true}, observing(&list, filter("all", func(context.Context, *batch.Batch) error {
		return batch.Drop("no consent")
	})))
	defer f.Close()
	require.NoError(t, f.Forward(t.Context(), events(t, 3)))
	require.Len(t, list, 1)
	assert.Equal(t, []Dropped{{Filter: "all", Reason: "no consent", Events: 3, Batch: true}}, list[0].info.Dropped)
	assert.Empty(t, list[0].info.Messages)
}

// A caller that stops waiting is told unknown; the late outcome comes once,
// after Done.
func TestObserver_settled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var list []told
		p := &fakeProducer{}
		f := withProducer(t, p, observing(&list))
		defer f.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		f.ForwardAsync(ctx, events(t, 2), func(error) {})
		p.hand(p.groups[0], 2)
		<-time.After(2 * time.Second)
		synctest.Wait()
		require.Len(t, list, 1)
		require.ErrorIs(t, list[0].info.Err, context.DeadlineExceeded)

		lost := errors.New("lost")
		p.settle(p.groups[0], 0, unknown(lost))
		synctest.Wait()
		require.Len(t, list, 1, "one message is still undecided")
		p.settle(p.groups[0], 1, producer.Result{Outcome: producer.Acknowledged, Partition: 3, Offset: 7})
		synctest.Wait()
		require.Len(t, list, 2)
		assert.Equal(t, "settled", list[1].what)
		assert.ErrorIs(t, list[1].info.Err, lost)
		assert.NotErrorIs(t, list[1].info.Err, context.DeadlineExceeded)
		require.Len(t, list[1].info.Messages, 1)
		assert.Equal(t, int64(7), list[1].info.Messages[0].Offset)
	})
}

// All was known when the caller left: there is no late outcome.
func TestObserver_notSettledWhenWithdrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var list []told
		f := withProducer(t, &fakeProducer{}, observing(&list))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.True(t, NothingSent(f.Forward(ctx, events(t, 2))))
		f.Close()
		require.Len(t, list, 1)
		assert.Equal(t, "done", list[0].what)
	})
}

func TestObserver_settledByClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var list []told
		p := &fakeProducer{}
		f := withProducer(t, p, observing(&list))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		f.ForwardAsync(ctx, events(t, 1), func(error) {})
		p.hand(p.groups[0], 1)
		<-time.After(2 * time.Second)
		synctest.Wait()
		f.Close()
		require.Len(t, list, 2, "Close waits for Settled")
		assert.ErrorIs(t, list[1].info.Err, ErrClosed)
	})
}

// Where a caller recovers from a panic in its observer, as net/http does for
// its handlers, the late outcome still comes and Close still ends.
func TestObserver_panics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settled := 0
		p := &fakeProducer{}
		f := withProducer(t, p, func(_ *settings.Settings, o *options) {
			o.observer.Done = func(context.Context, ForwardInfo) { panic("the observer's") }
			o.observer.Settled = func(context.Context, ForwardInfo) { settled++ }
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go func() {
			synctest.Wait()
			p.hand(p.groups[0], 1)
		}()
		assert.PanicsWithValue(t, "the observer's", func() { _ = f.Forward(ctx, events(t, 1)) })
		p.ack(p.groups[0])
		require.NoError(t, f.Close())
		assert.Equal(t, 1, settled)
	})
}
