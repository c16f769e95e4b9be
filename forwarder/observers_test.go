package forwarder

import (
	"context"
	"errors"
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

type observerKey string

// An observation notes what observers are called for.
type observation struct {
	mu    sync.Mutex
	calls []string
}

func (o *observation) note(call string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls = append(o.calls, call)
}

// marking is an observer that adds a value to the context of each batch, and
// notes what it is called for and the values that it finds there.
func marking(name string, seen *observation) Observer {
	note := func(ctx context.Context, what string) {
		for _, key := range []observerKey{"caller", "first", "second"} {
			if ctx.Value(key) != nil {
				what += " " + string(key)
			}
		}
		seen.note(name + " " + what)
	}
	return Observer{
		Begun: func(ctx context.Context, _ *batch.Batch) context.Context {
			note(ctx, "begun")
			return context.WithValue(ctx, observerKey(name), true)
		},
		Done:    func(ctx context.Context, _ ForwardInfo) { note(ctx, "done") },
		Settled: func(ctx context.Context, _ ForwardInfo) { note(ctx, "settled") },
		Waiting: func(ctx context.Context, _ WaitInfo) { note(ctx, "waiting") },
		Resumed: func(ctx context.Context, _ ResumedInfo) { note(ctx, "resumed") },
		Doubted: func(ctx context.Context, _ DoubtInfo) { note(ctx, "doubted") },
	}
}

// Observers add up. What Begun puts into the context reaches later observers, the
// filters, Done and Settled.
func TestWithObserver_addsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen observation
		p := &fakeProducer{}
		f := withProducer(t, p, func(_ *settings.Settings, o *options) {
			for _, option := range []Option{
				WithObserver(marking("first", &seen)),
				WithObserver(Observer{}),
				WithObserver(Observer{Begun: func(context.Context, *batch.Batch) context.Context { return nil }}),
				WithObserver(marking("second", &seen)),
				WithFilterFunc("looks on", func(ctx context.Context, _ *batch.Batch) error {
					assert.NotNil(t, ctx.Value(observerKey("first")))
					assert.NotNil(t, ctx.Value(observerKey("second")))
					seen.note("filter")
					return nil
				}),
			} {
				option.apply(o)
			}
		})
		ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), observerKey("caller"), true), 4*time.Second)
		defer cancel()
		f.ForwardAsync(ctx, events(t, 1), nil)
		p.hand(p.groups[0], 1)
		p.setWaiting(producer.Waiting{Partition: 3, Since: time.Now(), Cause: errors.New("no leader")})
		<-time.After(5 * time.Second)
		synctest.Wait()
		p.setWaiting()
		p.ack(p.groups[0])
		<-time.After(2 * time.Second)
		synctest.Wait()
		require.NoError(t, f.Close())
		assert.Equal(t, []string{
			"first begun caller", "second begun caller first", "filter",
			"first waiting", "second waiting",
			"first done caller first second", "second done caller first second",
			"first settled caller first second", "second settled caller first second",
			"first resumed", "second resumed",
		}, seen.calls)
	})
}

// Begun and Done come in pairs, whatever becomes of the batch.
func TestObserver_begunAndDone(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	failing := errors.New("no")
	for name, c := range map[string]struct {
		ctx    context.Context
		batch  *batch.Batch
		filter func(context.Context, *batch.Batch) error
		closed bool
	}{
		"acknowledged":   {},
		"dropped":        {filter: func(context.Context, *batch.Batch) error { return batch.Drop("no") }},
		"filter fails":   {filter: func(context.Context, *batch.Batch) error { return failing }},
		"closed":         {closed: true},
		"context before": {ctx: ended},
		"zero batch":     {batch: new(batch.Batch)},
	} {
		t.Run(name, func(t *testing.T) {
			var calls []string
			f := withProducer(t, &fakeProducer{acks: true}, func(_ *settings.Settings, o *options) {
				o.observer = Observer{
					Begun: func(ctx context.Context, b *batch.Batch) context.Context {
						assert.NotNil(t, b)
						calls = append(calls, "begun")
						return context.WithValue(ctx, observerKey("first"), true)
					},
					Done: func(ctx context.Context, _ ForwardInfo) {
						assert.NotNil(t, ctx.Value(observerKey("first")))
						calls = append(calls, "done")
					},
				}
				if c.filter != nil {
					o.filters = []namedFilter{filter("test", c.filter)}
				}
			})
			if c.closed {
				f.Close()
			}
			ctx, b := c.ctx, c.batch
			if ctx == nil {
				ctx = t.Context()
			}
			if b == nil {
				b = events(t, 1)
			}
			_ = f.Forward(ctx, b)
			assert.Equal(t, []string{"begun", "done"}, calls)
			_ = f.ForwardAll(ctx, []*batch.Batch{b, b})
			assert.Len(t, calls, 6)
			require.NoError(t, f.Close())
		})
	}
}

// A context of the observer's own does not take the caller's deadline away.
func TestObserver_begunKeepsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := withProducer(t, &fakeProducer{}, func(_ *settings.Settings, o *options) {
			o.observer.Begun = func(ctx context.Context, _ *batch.Batch) context.Context { return context.WithoutCancel(ctx) }
		})
		defer f.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		require.ErrorIs(t, f.Forward(ctx, events(t, 1)), context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(began))
	})
}

// Opened and Closed are told once, whatever ends the forwarder how often.
func TestObserver_openedAndClosed(t *testing.T) {
	var calls []string
	first := Observer{
		Opened: func(info OpenedInfo) { calls = append(calls, "first opened "+info.Topics[0]) },
		Closed: func() { calls = append(calls, "first closed") },
	}
	second := Observer{
		Opened: func(OpenedInfo) { calls = append(calls, "second opened") },
		Closed: func() { calls = append(calls, "second closed") },
	}
	for range 2 { // a forwarder of its own each
		calls = nil
		f, err := New(t.Context(), settings.Settings{BootstrapServers: "127.0.0.1:1", TopicName: "events"},
			WithoutProbe(), WithObserver(first), WithObserver(Observer{}), WithObserver(second))
		require.NoError(t, err)
		require.Equal(t, []string{"first opened events", "second opened"}, calls)
		require.NoError(t, f.Shutdown(t.Context()))
		require.NoError(t, f.Close())
		assert.Equal(t, []string{"first opened events", "second opened", "first closed", "second closed"}, calls[:4])
		assert.Len(t, calls, 4)
	}
}
