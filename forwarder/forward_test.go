package forwarder

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/settings"
)

func TestForward_acknowledged(t *testing.T) {
	f := withProducer(t, &fakeProducer{acks: true}, oneMessagePerEvent)
	defer f.Close()
	assert.NoError(t, f.Forward(t.Context(), events(t, 3)))
}

func TestForward_notBeforeTheLastAcknowledgement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fakeProducer{}
		f := withProducer(t, p, oneMessagePerEvent)
		defer f.Close()
		var returned atomic.Bool
		go func() {
			assert.NoError(t, f.Forward(t.Context(), events(t, 2)))
			returned.Store(true)
		}()
		synctest.Wait()
		g := p.groups[0]
		p.settle(g, 1, producer.Result{Outcome: producer.Acknowledged})
		synctest.Wait()
		assert.False(t, returned.Load(), "one of two messages is acknowledged")
		p.settle(g, 0, producer.Result{Outcome: producer.Acknowledged})
		synctest.Wait()
		assert.True(t, returned.Load())
	})
}

func TestForward_contextEnds(t *testing.T) {
	reason := errors.New("the user went away")
	for name, c := range map[string]struct {
		handed  int
		want    []Outcome
		nothing bool
	}{
		"nothing handed over": {0, []Outcome{NotSent, NotSent, NotSent}, true},
		"one handed over":     {1, []Outcome{Unknown, NotSent, NotSent}, false},
		"all handed over":     {3, []Outcome{Unknown, Unknown, Unknown}, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := &fakeProducer{}
			f := withProducer(t, p, oneMessagePerEvent)
			defer f.Close()
			ctx, cancel := context.WithCancelCause(t.Context())
			go func() {
				p.hand(p.submitted(t, 1)[0], c.handed)
				cancel(reason)
			}()
			err := f.Forward(ctx, events(t, 3))

			require.ErrorIs(t, err, context.Canceled)
			require.ErrorIs(t, err, reason)
			var d *DeliveryError
			require.ErrorAs(t, err, &d)
			var got []Outcome
			for _, failure := range d.Failures {
				got = append(got, failure.Outcome)
				if failure.Outcome == Unknown {
					assert.Equal(t, int32(3), failure.Partition)
				}
			}
			assert.Equal(t, c.want, got)
			assert.Equal(t, c.nothing, NothingSent(err))
			assert.False(t, Permanent(err))
		})
	}
}

func TestForward_contextEndedBefore(t *testing.T) {
	p := &fakeProducer{}
	f := withProducer(t, p, func(_ *settings.Settings, o *options) {
		o.filters = []namedFilter{filter("never", func(context.Context, *batch.Batch) error {
			assert.Fail(t, "a filter has run")
			return nil
		})}
	})
	defer f.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b := events(t, 2)
	err := f.Forward(ctx, b)
	require.ErrorIs(t, err, context.Canceled)
	assert.True(t, NothingSent(err))
	assert.Empty(t, p.groups)
	var d *DeliveryError
	require.ErrorAs(t, err, &d)
	assert.Equal(t, 2, d.Remaining().NumEvents())
	assert.ErrorIs(t, d.Wait(t.Context()), context.Canceled, "it is decided already")
}

// A nil or zero batch is refused, not taken for one that was delivered.
func TestForward_noBatch(t *testing.T) {
	p := &fakeProducer{acks: true}
	var told []error
	f := withProducer(t, p, func(_ *settings.Settings, o *options) {
		o.observer.Done = func(_ context.Context, i ForwardInfo) { told = append(told, i.Err) }
	})
	defer f.Close()
	errs := f.ForwardAll(t.Context(), []*batch.Batch{nil, {}, events(t, 1), new(batch.Batch).Clone()})
	require.Len(t, errs, 4)
	assert.NoError(t, errs[2])
	for _, err := range []error{errs[0], errs[1], errs[3], f.Forward(t.Context(), nil)} {
		assert.EqualError(t, err, "forwarder: nothing to send: the Batch is nil or zero, as ParseBulk leaves one that it refuses")
		assert.True(t, Permanent(err))
		assert.True(t, NothingSent(err))
	}
	assert.Len(t, p.groups, 1)
	assert.Len(t, told, 5)
}

// A batch is never written to, and may be given to many calls at once.
func TestForward_oneBatchManyCalls(t *testing.T) {
	f := withProducer(t, &fakeProducer{acks: true}, oneMessagePerEvent)
	defer f.Close()
	b := events(t, 5)
	before := string(b.AppendJSON(nil))
	results := make(chan error)
	for range 50 {
		go func() { results <- f.Forward(t.Context(), b) }()
	}
	for range 50 {
		assert.NoError(t, <-results)
	}
	assert.Equal(t, before, string(b.AppendJSON(nil)))
}

// A filter that takes its time delays its own call only.
func TestForward_slowFilter(t *testing.T) {
	hold := make(chan struct{})
	slow := func(_ context.Context, b *batch.Batch) error {
		if b.NumEvents() == 1 {
			<-hold
		}
		return nil
	}
	f := withProducer(t, &fakeProducer{acks: true}, func(_ *settings.Settings, o *options) {
		o.filters = []namedFilter{filter("slow", slow)}
	})
	defer f.Close()
	first := make(chan error, 1)
	go func() { first <- f.Forward(t.Context(), events(t, 1)) }()
	assert.NoError(t, f.Forward(t.Context(), events(t, 2)))
	assert.Empty(t, first)
	close(hold)
	assert.NoError(t, <-first)
}

// All messages of a batch enter together, in event order.
func TestForward_groups(t *testing.T) {
	p := &fakeProducer{acks: true}
	f := withProducer(t, p, oneMessagePerEvent)
	defer f.Close()
	require.NoError(t, f.Forward(t.Context(), events(t, 3)))
	require.Len(t, p.groups, 1)
	require.Len(t, p.groups[0].Messages, 3)
	for i, m := range p.groups[0].Messages {
		assert.Equal(t, "42", string(m.Key))
		assert.Contains(t, string(m.Value), `{"n":`+string(rune('0'+i))+`}`)
	}
}

func TestForwardAll_order(t *testing.T) {
	p := &fakeProducer{}
	f := withProducer(t, p, nil)
	defer f.Close()
	go func() {
		for i, g := range p.submitted(t, 3) { // all are accepted before the first is decided
			if i == 1 {
				p.settle(g, 0, unknown(errors.New("lost")))
				continue
			}
			p.ack(g)
		}
	}()
	errs := f.ForwardAll(t.Context(), []*batch.Batch{events(t, 1), events(t, 2), events(t, 3)})
	require.Len(t, errs, 3)
	assert.NoError(t, errs[0])
	assert.ErrorContains(t, errs[1], "lost")
	assert.NoError(t, errs[2])
	for i, g := range p.groups {
		assert.Equal(t, i+1, strings.Count(string(g.Messages[0].Value), "event_type"))
	}
}

func TestForwardAll_nil(t *testing.T) {
	f := withProducer(t, &fakeProducer{acks: true}, nil)
	defer f.Close()
	assert.Nil(t, f.ForwardAll(t.Context(), []*batch.Batch{events(t, 1), events(t, 2)}))
	assert.Nil(t, f.ForwardAll(t.Context(), nil))
}

// The wait ends for all at once, and batches that were not accepted by then cost
// little.
func TestForwardAll_contextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := withProducer(t, &fakeProducer{}, nil)
		defer f.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		errs := f.ForwardAll(ctx, []*batch.Batch{events(t, 1), events(t, 1), events(t, 1)})
		assert.Equal(t, time.Second, time.Since(start))
		require.Len(t, errs, 3)
		for _, err := range errs {
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		}
	})
}
