package forwarder

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/settings"
)

// done gets what Forward would have returned, once, whatever happens.
func TestForwardAsync_doneOnce(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx    context.Context
		filter func(context.Context, *batch.Batch) error
		closed bool
		want   func(error) bool
	}{
		"acknowledged":   {want: func(err error) bool { return err == nil }},
		"dropped":        {filter: func(context.Context, *batch.Batch) error { return batch.Drop("no") }, want: func(err error) bool { return err == nil }},
		"filter fails":   {filter: func(context.Context, *batch.Batch) error { return errors.New("no") }, want: isFilterError},
		"filter panics":  {filter: func(context.Context, *batch.Batch) error { panic("no") }, want: isFilterError},
		"closed":         {closed: true, want: func(err error) bool { return errors.Is(err, ErrClosed) }},
		"context before": {ctx: ended, want: func(err error) bool { return errors.Is(err, context.Canceled) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := withProducer(t, &fakeProducer{acks: true}, func(_ *settings.Settings, o *options) {
					if c.filter != nil {
						o.filters = []namedFilter{filter("test", c.filter)}
					}
				})
				if c.closed {
					f.Close()
				}
				ctx := c.ctx
				if ctx == nil {
					ctx = t.Context()
				}
				var mu sync.Mutex // held by this goroutine, so done must run on another
				var got []error
				mu.Lock()
				f.ForwardAsync(ctx, events(t, 1), func(err error) {
					mu.Lock()
					defer mu.Unlock()
					got = append(got, err)
				})
				mu.Unlock()
				synctest.Wait()
				f.Close()
				synctest.Wait()
				mu.Lock()
				defer mu.Unlock()
				require.Len(t, got, 1)
				assert.True(t, c.want(got[0]), "%v", got[0])
			})
		})
	}
}

func isFilterError(err error) bool {
	var f *FilterError
	return errors.As(err, &f)
}

func TestForwardAsync_contextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fakeProducer{}
		f := withProducer(t, p, nil)
		defer f.Close()
		ctx, cancel := context.WithCancel(t.Context())
		var got []error
		f.ForwardAsync(ctx, events(t, 1), func(err error) { got = append(got, err) })
		p.hand(p.groups[0], 1)
		synctest.Wait()
		require.Empty(t, got)
		cancel()
		synctest.Wait()
		require.Len(t, got, 1)
		require.ErrorIs(t, got[0], context.Canceled)
		p.ack(p.groups[0])
		synctest.Wait()
		assert.Len(t, got, 1, "the late outcome is not done's")
		var d *DeliveryError
		require.ErrorAs(t, got[0], &d)
		assert.NoError(t, d.Wait(t.Context()))
	})
}

// The end of the context and the last acknowledgement race: done runs once.
func TestForwardAsync_race(t *testing.T) {
	p := &fakeProducer{}
	f := withProducer(t, p, nil)
	var calls atomic.Int64
	const n = 2000
	for i := range n {
		ctx, cancel := context.WithCancel(t.Context())
		f.ForwardAsync(ctx, events(t, 1), func(error) { calls.Add(1) })
		g := p.submitted(t, i+1)[i]
		p.hand(g, i%2)
		go cancel()
		go p.ack(g)
	}
	f.Close()
	assert.Equal(t, int64(n), calls.Load(), "Close waits for all")
}

// Calls that wait through an outage cost memory, not goroutines.
func TestForwardAsync_noGoroutinePerCall(t *testing.T) {
	p := &fakeProducer{}
	f := withProducer(t, p, nil)
	var calls atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	before := runtime.NumGoroutine()
	for range 5000 {
		f.ForwardAsync(ctx, events(t, 1), func(error) { calls.Add(1) })
	}
	assert.Less(t, runtime.NumGoroutine(), before+10)
	f.Close()
	assert.Equal(t, int64(5000), calls.Load())
}

// One goroutine that pipelines has its batches accepted in the order of calls.
func TestForwardAsync_order(t *testing.T) {
	p := &fakeProducer{acks: true}
	f := withProducer(t, p, nil)
	for i := range 100 {
		f.ForwardAsync(t.Context(), events(t, i+1), func(error) {})
	}
	f.Close()
	for i, g := range p.groups {
		b, err := batch.Parse(g.Messages[0].Value)
		require.NoError(t, err)
		assert.Equal(t, i+1, b.NumEvents())
	}
}

// A nil done is allowed.
func TestForwardAsync_nilDone(t *testing.T) {
	f := withProducer(t, &fakeProducer{acks: true}, nil)
	f.ForwardAsync(t.Context(), events(t, 1), nil)
	f.ForwardAsync(t.Context(), nil, nil)
	require.NoError(t, f.Shutdown(t.Context()))
}

// An observer that ends its goroutine, as FailNow of package testing does, keeps
// no call from its end.
func TestObserver_endsGoroutine(t *testing.T) {
	ends := func(_ *settings.Settings, o *options) {
		o.observer.Done = func(context.Context, ForwardInfo) { runtime.Goexit() }
	}
	t.Run("ForwardAsync", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := withProducer(t, &fakeProducer{acks: true}, ends)
			got := make(chan error, 1)
			f.ForwardAsync(t.Context(), events(t, 1), func(err error) { got <- err })
			assert.NoError(t, <-got)
			f.Close()
		})
	})
	t.Run("ForwardAll", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var reported atomic.Int32
			f := withProducer(t, &fakeProducer{acks: true}, func(_ *settings.Settings, o *options) {
				o.observer.Done = func(context.Context, ForwardInfo) {
					reported.Add(1)
					runtime.Goexit()
				}
			})
			go f.ForwardAll(t.Context(), []*batch.Batch{events(t, 1), events(t, 1), events(t, 1)})
			synctest.Wait()
			assert.Equal(t, int32(3), reported.Load())
			f.Close()
		})
	})
}

// A countedContext counts the functions that wait for its end.
type countedContext struct {
	context.Context
	asked, waiting atomic.Int32
}

// Value hides the context within, at which context.AfterFunc would wait itself.
func (*countedContext) Value(any) any { return nil }

// AfterFunc is what context.AfterFunc asks a context of another type.
func (c *countedContext) AfterFunc(f func()) (stop func() bool) {
	c.asked.Add(1)
	c.waiting.Add(1)
	inner := context.AfterFunc(c.Context, f)
	return func() bool {
		c.waiting.Add(-1)
		return inner()
	}
}

// A context that lives as long as the program keeps nothing of calls that ended.
func TestForwardAsync_leavesNothingOnTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := withProducer(t, &fakeProducer{acks: true}, nil)
		parent, cancel := context.WithCancel(t.Context())
		defer cancel()
		ctx := &countedContext{Context: parent}
		for range 10 {
			f.ForwardAsync(ctx, events(t, 1), nil)
		}
		synctest.Wait()
		assert.Equal(t, int32(10), ctx.asked.Load())
		assert.Zero(t, ctx.waiting.Load())
		f.Close()
	})
}

// What done refers to is let go once done has run, although messages in a request keep
// the delivery.
func TestForwardAsync_doneIsLetGo(t *testing.T) {
	p := &fakeProducer{}
	f := withProducer(t, p, nil)
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan struct{})
	captured := func() weak.Pointer[[1 << 10]byte] {
		large := new([1 << 10]byte)
		f.ForwardAsync(ctx, events(t, 1), func(error) {
			large[0]++
			close(answered)
		})
		return weak.Make(large)
	}()
	g := p.submitted(t, 1)[0]
	p.hand(g, 1)
	cancel()
	<-answered
	assert.Eventually(t, func() bool {
		runtime.GC()
		return captured.Value() == nil
	}, time.Minute, time.Millisecond)
	assert.Equal(t, 1, f.Stats().Undecided)
	p.ack(g)
	f.Close()
}
