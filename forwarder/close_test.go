package forwarder

import (
	"context"
	"errors"
	"sync"
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

func TestForward_afterClose(t *testing.T) {
	for name, end := range map[string]func(*Forwarder) error{
		"Close":    (*Forwarder).Close,
		"Shutdown": func(f *Forwarder) error { return f.Shutdown(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			p := &fakeProducer{acks: true}
			f := withProducer(t, p, func(_ *settings.Settings, o *options) {
				o.filters = []namedFilter{filter("never", func(context.Context, *batch.Batch) error {
					assert.Fail(t, "a filter has run")
					return nil
				})}
			})
			require.NoError(t, end(f))
			err := f.Forward(t.Context(), events(t, 1))
			assert.ErrorIs(t, err, ErrClosed)
			assert.True(t, NothingSent(err))
			assert.False(t, Permanent(err))
			assert.Empty(t, p.groups)
		})
	}
}

// Close decides what is undecided: not sent where that is certain.
func TestForward_closedWhileSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fakeProducer{}
		f := withProducer(t, p, oneMessagePerEvent)
		result := make(chan error, 1)
		go func() { result <- f.Forward(t.Context(), events(t, 3)) }()
		synctest.Wait()
		g := p.groups[0]
		p.hand(g, 2)
		p.settle(g, 0, producer.Result{Outcome: producer.Acknowledged})
		require.NoError(t, f.Close())

		err := <-result
		require.ErrorIs(t, err, ErrClosed)
		assert.False(t, NothingSent(err))
		var d *DeliveryError
		require.ErrorAs(t, err, &d)
		require.Len(t, d.Failures, 2)
		assert.Equal(t, Unknown, d.Failures[0].Outcome)
		assert.Equal(t, NotSent, d.Failures[1].Outcome)
	})
}

// Who waits for room when the forwarder closes was never accepted.
func TestForward_closedWhileBufferIsFull(t *testing.T) {
	for name, end := range map[string]func(*Forwarder){
		"Close":    func(f *Forwarder) { f.Close() },
		"Shutdown": func(f *Forwarder) { go func() { _ = f.Shutdown(context.Background()) }() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := withProducer(t, &fakeProducer{}, nil)
				f.buffer.limit = 300
				results := make(chan error, 2)
				go func() { results <- f.Forward(t.Context(), events(t, 1)) }()
				synctest.Wait()
				go func() { results <- f.Forward(t.Context(), events(t, 1)) }()
				synctest.Wait()
				end(f)
				err := <-results
				assert.ErrorIs(t, err, ErrClosed)
				assert.True(t, NothingSent(err))
				f.Close()
				assert.ErrorIs(t, <-results, ErrClosed)
			})
		})
	}
}

func TestShutdown_drains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fakeProducer{}
		f := withProducer(t, p, nil)
		var got []error
		f.ForwardAsync(t.Context(), events(t, 1), func(err error) { got = append(got, err) })
		over := make(chan error, 1)
		go func() { over <- f.Shutdown(context.Background()) }()
		synctest.Wait()
		assert.Empty(t, over)
		assert.ErrorIs(t, f.Forward(t.Context(), events(t, 1)), ErrClosed, "new work is refused meanwhile")
		p.ack(p.groups[0])
		assert.NoError(t, <-over)
		assert.Equal(t, []error{nil}, got, "done has run before Shutdown returns")
	})
}

func TestShutdown_contextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fakeProducer{}
		f := withProducer(t, p, oneMessagePerEvent)
		f.ForwardAsync(t.Context(), events(t, 3), func(error) {})
		p.settle(p.groups[0], 1, producer.Result{Outcome: producer.Acknowledged})

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		err := f.Shutdown(ctx)
		assert.Equal(t, time.Minute, time.Since(start))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "2 messages undecided")

		// Delivery has gone on, so another call can wait for its end.
		p.ack(p.groups[0])
		assert.NoError(t, f.Shutdown(t.Context()))
		assert.NoError(t, f.Shutdown(t.Context()), "again")
		assert.NoError(t, f.Close())
	})
}

func TestShutdown_closedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := withProducer(t, &fakeProducer{}, oneMessagePerEvent)
		f.ForwardAsync(t.Context(), events(t, 3), func(error) {})
		over := make(chan error, 2)
		for range 2 {
			go func() { over <- f.Shutdown(context.Background()) }()
		}
		synctest.Wait()
		require.NoError(t, f.Close())
		for range 2 {
			err := <-over
			assert.ErrorIs(t, err, ErrClosed)
			assert.ErrorContains(t, err, "3 messages undecided when Close came")
		}
	})
}

func TestClose_manyTimes(t *testing.T) {
	f := withProducer(t, &fakeProducer{}, nil)
	f.ForwardAsync(t.Context(), events(t, 1), func(error) {})
	var calls sync.WaitGroup
	for range 10 {
		calls.Go(func() { assert.NoError(t, f.Close()) })
	}
	calls.Wait()
	assert.NoError(t, f.Close())
	assert.ErrorIs(t, f.Shutdown(t.Context()), ErrClosed, "1 message was given up")
}

// Close waits for the functions of callers that it sets off.
func TestClose_waitsForCallbacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := withProducer(t, &fakeProducer{}, nil)
		hold := make(chan struct{})
		f.ForwardAsync(t.Context(), events(t, 1), func(err error) {
			assert.ErrorIs(t, err, ErrClosed)
			<-hold
		})
		over := make(chan error, 1)
		go func() { over <- f.Close() }()
		synctest.Wait()
		assert.Empty(t, over)
		close(hold)
		assert.NoError(t, <-over)
	})
}

func TestDeliveryError_wait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fakeProducer{}
		f := withProducer(t, p, oneMessagePerEvent)
		defer f.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go func() {
			synctest.Wait()
			p.hand(p.groups[0], 2)
		}()
		err := f.Forward(ctx, events(t, 3))
		var d *DeliveryError
		require.ErrorAs(t, err, &d)

		// It waits on, as long as its own context lets it, and sends nothing.
		cause := errors.New("no leader")
		p.setWaiting(producer.Waiting{Partition: 3, Cause: cause})
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		again := d.Wait(short)
		require.ErrorIs(t, again, context.DeadlineExceeded)
		require.ErrorIs(t, again, cause, "what delivery waits for")
		assert.False(t, NothingSent(again))
		var still *DeliveryError
		require.ErrorAs(t, again, &still)
		assert.Equal(t, int32(3), still.Failures[0].Partition)

		lost := errors.New("lost")
		waiting := make(chan error, 1)
		go func() { waiting <- d.Wait(t.Context()) }()
		p.settle(p.groups[0], 0, producer.Result{Outcome: producer.Acknowledged})
		synctest.Wait()
		assert.Empty(t, waiting)
		p.settle(p.groups[0], 1, unknown(lost))
		late := <-waiting
		assert.Equal(t, late, d.Wait(t.Context()), "a second time")
		var e *DeliveryError
		require.ErrorAs(t, late, &e)
		require.Len(t, e.Failures, 2)
		assert.ErrorIs(t, e.Failures[0].Err, lost)
		assert.Equal(t, NotSent, e.Failures[1].Outcome, "withdrawn at the first deadline")
		assert.Len(t, p.groups, 1)
		assert.Equal(t, 1, e.Remaining().NumEvents())
	})
}

// Close and Shutdown wait for filters and observers, whichever call they run in.
func TestClose_waitsForCalls(t *testing.T) {
	calls := map[string]func(*Forwarder, *batch.Batch){
		"Forward":      func(f *Forwarder, b *batch.Batch) { _ = f.Forward(context.Background(), b) },
		"ForwardAll":   func(f *Forwarder, b *batch.Batch) { _ = f.ForwardAll(context.Background(), []*batch.Batch{b, b}) },
		"ForwardAsync": func(f *Forwarder, b *batch.Batch) { f.ForwardAsync(context.Background(), b, nil) },
	}
	ends := map[string]func(*Forwarder) error{
		"Close":    (*Forwarder).Close,
		"Shutdown": func(f *Forwarder) error { return f.Shutdown(context.Background()) },
	}
	for _, place := range []string{"filter", "observer"} {
		for called, call := range calls {
			for ended, end := range ends {
				t.Run(place+" "+called+" "+ended, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						var running atomic.Int32
						linger := func(where string) {
							if where == place {
								running.Add(1)
								<-time.After(time.Minute)
								running.Add(-1)
							}
						}
						p := &fakeProducer{acks: true}
						f := withProducer(t, p, func(_ *settings.Settings, o *options) {
							o.filters = []namedFilter{filter("slow", func(context.Context, *batch.Batch) error {
								linger("filter")
								return nil
							})}
							o.observer.Done = func(context.Context, ForwardInfo) { linger("observer") }
						})
						go call(f, events(t, 1))
						synctest.Wait()
						require.NotZero(t, running.Load())
						require.NoError(t, end(f))
						assert.Zero(t, running.Load())
					})
				})
			}
		}
	}
}

// Callers that go on calling do not keep it from ending: they are refused.
func TestClose_whileOthersCall(t *testing.T) {
	for name, end := range map[string]func(*Forwarder) error{
		"Close":    (*Forwarder).Close,
		"Shutdown": func(f *Forwarder) error { return f.Shutdown(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			f := withProducer(t, &fakeProducer{acks: true}, func(_ *settings.Settings, o *options) {
				o.observer.Done = func(context.Context, ForwardInfo) {
					calls.Add(1)
					<-time.After(time.Millisecond) // so that there is always a call that is not over
				}
			})
			b := events(t, 1)
			ended := make(chan error)
			var callers sync.WaitGroup
			defer callers.Wait()
			stop := make(chan struct{})
			defer close(stop)
			for _, call := range []func(){
				func() { _ = f.Forward(t.Context(), b) },
				func() { _ = f.ForwardAll(t.Context(), []*batch.Batch{b, b}) },
				func() {
					done := make(chan struct{})
					f.ForwardAsync(t.Context(), b, func(error) { close(done) })
					<-done
				},
			} {
				for range 6 {
					callers.Go(func() {
						for {
							select {
							case <-stop:
								return
							default:
								call()
							}
						}
					})
				}
			}
			require.Eventually(t, func() bool { return calls.Load() > 100 }, time.Minute, time.Millisecond)
			go func() { ended <- end(f) }()
			select {
			case err := <-ended:
				require.NoError(t, err)
			case <-time.After(time.Minute):
				require.Fail(t, "it has not ended")
			}
		})
	}
}
