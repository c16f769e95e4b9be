package forwarder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/settings"
)

const twoEvents = `{"mpid":7,"events":[{"data":{"event_name":"a"},"event_type":"custom_event"},{"data":{"event_name":"b"},"event_type":"custom_event"}]}`

// dropNamed is a caller's filter that drops events.
func dropNamed(filterName, reason, eventName string) namedFilter {
	return filter(filterName, func(_ context.Context, b *batch.Batch) error {
		b.DropEvents(reason, func(e batch.Event) bool { return e.Name() == eventName })
		return nil
	})
}

func TestPipeline_orderOfWork(t *testing.T) {
	s := with("send_network_performance_events", "ip_address", "unique_id", "send_batches_without_events")
	in := `{"ip":"203.0.113.9","unique_id":"old","events":[{"event_type":"network_performance"},{"event_type":"pre_attribution"},{"event_type":"opt_out"}]}`

	var seen []string
	look := func(name string) namedFilter {
		return filter(name, func(_ context.Context, b *batch.Batch) error {
			seen = append(seen, name)
			assert.Equal(t, 1, b.NumEvents(), "events are dropped before the caller's filters run")
			ip, ok := b.At("ip").Text()
			assert.True(t, ok && ip == "203.0.113.9", "what a setting removes is still there for the caller's filters")
			id, _ := b.At("unique_id").Text()
			assert.Equal(t, "old", id, "unique_id is set after the caller's filters")
			return nil
		})
	}
	o := through(t, s, in, look("first"), look("second"))
	assert.Equal(t, []string{"first", "second"}, seen)
	assert.Equal(t, `{"unique_id":"shop <42> \"Zürich\"","events":[{"event_type":"opt_out"}]}`, o.value(t))

	// Send Batches without Events judges what the caller's filters have left.
	o = through(t, s, in, filter("all", func(_ context.Context, b *batch.Batch) error {
		b.DropEvents("all of them", func(batch.Event) bool { return true })
		return nil
	}))
	require.NoError(t, o.err)
	assert.Empty(t, o.messages)
	assert.Equal(t, []Dropped{
		{Filter: "event_type", Reason: "event type is not forwarded", Events: 1},
		{Filter: "send_network_performance_events", Reason: "switched off", Events: 1},
		{Filter: "all", Reason: "all of them", Events: 1},
		{Filter: "send_batches_without_events", Reason: "no events left", Batch: true},
	}, o.dropped)
}

// A filter cannot put back what a setting removes, nor overrule unique_id.
func TestPipeline_settingsHaveTheLastWord(t *testing.T) {
	s := with("ip_address", "include_location_information", "include_event_batch_location", "include_metadata", "include_mp_device_id", "unique_id")
	o := through(t, s, `{"events":[{"data":{},"event_type":"crash_report"}],"context":{}}`, filter("restore", func(_ context.Context, b *batch.Batch) error {
		for _, err := range []error{
			b.At("ip").Set("203.0.113.9"),
			b.At("mp_deviceid").Set("d"),
			b.At("device_info", "device").Set("Ann's phone"),
			b.At("context", "location", "latitude").Set(1),
			b.At("unique_id").Set("mine"),
		} {
			require.NoError(t, err)
		}
		for _, e := range b.Events() {
			require.NoError(t, e.At("data", "location", "latitude").Set(1))
			require.NoError(t, e.At("data", "breadcrumbs").Set([]any{map[string]any{"data": map[string]any{"location": 1}}}))
		}
		return nil
	}))
	assert.Equal(t, `{"events":[{"data":{"breadcrumbs":[{"data":{}}]},"event_type":"crash_report"}],"context":{},"unique_id":"shop <42> \"Zürich\""}`, o.value(t))
}

// Every call works on a copy of its own, which shows neither in the batch nor
// in another call.
func TestPipeline_privateCopy(t *testing.T) {
	p, err := newPipeline(settings.Settings{}.WithDefaults(), []namedFilter{filter("edit", func(_ context.Context, b *batch.Batch) error {
		if b.At("seen").Exists() {
			return errors.New("somebody else's copy")
		}
		b.DropEvents("test", func(e batch.Event) bool { return e.Name() == "a" })
		return b.At("seen").Set(true)
	})})
	require.NoError(t, err)
	b, err := batch.Parse([]byte(twoEvents))
	require.NoError(t, err)
	require.Equal(t, 1, b.DropEvents("before", func(e batch.Event) bool { return e.Name() == "b" }))
	before := string(b.AppendJSON(nil))

	for range 3 {
		d, dropped, err := p.prepare(t.Context(), b)
		require.NoError(t, err)
		d.encode()
		assert.Equal(t, `{"mpid":7,"events":[],"seen":true}`, string(d.messages[0].value))
		assert.Equal(t, []Dropped{{Filter: "edit", Reason: "test", Events: 1}}, dropped, "only what this call dropped")
	}
	assert.Equal(t, before, string(b.AppendJSON(nil)))
	assert.False(t, b.At("seen").Exists())
}

// One batch may be given to many calls at once.
func TestPipeline_concurrentCalls(t *testing.T) {
	p, err := newPipeline(with("unique_id", "include_location_information", "send_as_batch").WithDefaults(), []namedFilter{dropNamed("names", "name a", "a")})
	require.NoError(t, err)
	b, err := batch.Parse([]byte(twoEvents))
	require.NoError(t, err)
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() {
			for range 50 {
				d, dropped, err := p.prepare(t.Context(), b)
				if !assert.NoError(t, err) {
					return
				}
				d.encode()
				assert.Equal(t, []Dropped{{Filter: "names", Reason: "name a", Events: 1}}, dropped)
				assert.Equal(t, `{"mpid":7,"events":[{"data":{"event_name":"b"},"event_type":"custom_event"}],"unique_id":"shop <42> \"Zürich\""}`, string(d.messages[0].value))
			}
		})
	}
	calls.Wait()
	assert.Equal(t, twoEvents, string(b.AppendJSON(nil)))
}

func TestPipeline_drop(t *testing.T) {
	sample := filter("sample", func(context.Context, *batch.Batch) error { return batch.Drop("not in the sample") })
	never := filter("never", func(context.Context, *batch.Batch) error {
		assert.Fail(t, "a filter ran after the batch was dropped")
		return nil
	})
	o := through(t, settings.Settings{}, twoEvents, dropNamed("names", "name a", "a"), sample, never)
	require.NoError(t, o.err)
	assert.Empty(t, o.messages)
	assert.Equal(t, []Dropped{
		{Filter: "names", Reason: "name a", Events: 1},
		{Filter: "sample", Reason: "not in the sample", Events: 1, Batch: true},
	}, o.dropped)

	wrapped := filter("wrapped", func(context.Context, *batch.Batch) error { return fmt.Errorf("why: %w", batch.Drop("wrapped")) })
	o = through(t, settings.Settings{}, twoEvents, wrapped)
	require.NoError(t, o.err)
	assert.Equal(t, []Dropped{{Filter: "wrapped", Reason: "wrapped", Events: 2, Batch: true}}, o.dropped)
}

func TestPipeline_nothingDropped(t *testing.T) {
	o := through(t, settings.Settings{}, twoEvents, dropNamed("names", "name c", "c"))
	assert.Equal(t, twoEvents, o.value(t))
	assert.Nil(t, o.dropped)
}

// What a filter returns, a panic in it and the end of the context fail this
// call only, by the filter's name; nothing is sent.
func TestPipeline_filterFails(t *testing.T) {
	late := errors.New("the caller has lost interest")
	var end context.CancelCauseFunc // of the context that the filter runs in
	for name, c := range map[string]struct {
		filter func(context.Context, *batch.Batch) error
		text   string
		is     []error
		stack  string
	}{
		"error": {
			filter: func(context.Context, *batch.Batch) error { return fmt.Errorf("looking up: %w", io.ErrUnexpectedEOF) },
			text:   "looking up: unexpected EOF", is: []error{io.ErrUnexpectedEOF},
		},
		"panic": {
			filter: func(context.Context, *batch.Batch) error { panic("payload") },
			text:   "panicked (string)", stack: "pipeline_test.go",
		},
		"panic with an error": {
			filter: func(context.Context, *batch.Batch) error { panic(io.ErrClosedPipe) },
			text:   "panicked (*errors.errorString)", is: []error{io.ErrClosedPipe}, stack: "pipeline_test.go",
		},
		"panic of the runtime": {
			filter: func(_ context.Context, b *batch.Batch) error { return batch.Drop([]string{}[b.NumEvents()]) },
			text:   "panicked (runtime.boundsError)", stack: "pipeline_test.go",
		},
		"panic with nil": {
			filter: func(context.Context, *batch.Batch) error { panic(nil) }, //nolint:govet // on purpose
			text:   "panicked (*runtime.PanicNilError)", stack: "pipeline_test.go",
		},
		"panic with a drop": {
			filter: func(context.Context, *batch.Batch) error { panic(batch.Drop("no decision")) },
			text:   "panicked", stack: "pipeline_test.go",
		},
		"error joined with a drop": {
			filter: func(context.Context, *batch.Batch) error {
				return errors.Join(batch.Drop("no decision"), io.ErrUnexpectedEOF)
			},
			text: "unexpected EOF", is: []error{io.ErrUnexpectedEOF},
		},
		"panic with an error joined with a drop": {
			filter: func(context.Context, *batch.Batch) error {
				panic(errors.Join(io.ErrClosedPipe, batch.Drop("no decision")))
			},
			text: "panicked", is: []error{io.ErrClosedPipe}, stack: "pipeline_test.go",
		},
		"context ends": {
			filter: func(context.Context, *batch.Batch) error {
				end(late)
				return nil
			},
			text: "context canceled: the caller has lost interest", is: []error{context.Canceled, late},
		},
		"context ends, and an error is joined with a drop": {
			filter: func(context.Context, *batch.Batch) error {
				end(late)
				return errors.Join(io.ErrUnexpectedEOF, batch.Drop("no decision"))
			},
			text: "unexpected EOF", is: []error{context.Canceled, late, io.ErrUnexpectedEOF},
		},
		"context ends, and the filter's own error hides it": {
			filter: func(context.Context, *batch.Batch) error {
				end(late)
				return io.ErrUnexpectedEOF
			},
			text: "unexpected EOF", is: []error{context.Canceled, late, io.ErrUnexpectedEOF},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var ctx context.Context
			ctx, end = context.WithCancelCause(t.Context())
			defer end(nil)
			p, err := newPipeline(settings.Settings{}.WithDefaults(), []namedFilter{dropNamed("names", "name a", "a"), filter("the filter", c.filter)})
			require.NoError(t, err)
			b, err := batch.Parse([]byte(twoEvents))
			require.NoError(t, err)

			d, dropped, err := p.prepare(ctx, b)
			assert.Nil(t, d)
			var failed *FilterError
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, "the filter", failed.Name)
			assert.True(t, strings.HasPrefix(err.Error(), `forwarder: filter "the filter": `), "%v", err)
			assert.ErrorContains(t, err, c.text)
			assert.NotContains(t, err.Error(), "payload")
			for _, target := range c.is {
				assert.ErrorIs(t, err, target)
			}
			assert.Contains(t, string(failed.Stack), c.stack)
			assert.Equal(t, c.stack == "", failed.Stack == nil)
			assert.True(t, NothingSent(err))
			assert.False(t, Permanent(err))
			assert.Equal(t, []Dropped{{Filter: "names", Reason: "name a", Events: 1}}, dropped)
			assert.Equal(t, twoEvents, string(b.AppendJSON(nil)))
		})
	}
}

// permanentError is a filter's error that knows that trying again is no use.
type permanentError struct{ error }

func (permanentError) Permanent() bool { return true }

func TestPipeline_filterSaysPermanent(t *testing.T) {
	o := through(t, settings.Settings{}, twoEvents, filter("f", func(context.Context, *batch.Batch) error { return permanentError{io.EOF} }))
	assert.True(t, Permanent(o.err))
	o = through(t, settings.Settings{}, twoEvents, filter("f", func(context.Context, *batch.Batch) error { panic(permanentError{io.EOF}) }))
	assert.True(t, Permanent(o.err))
}

// A caller's filter is not called when there is no time left; a decision to
// drop stands, though the context has ended meanwhile.
func TestPipeline_contextEnds(t *testing.T) {
	ended, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	b, err := batch.Parse([]byte(twoEvents))
	require.NoError(t, err)
	called := false
	p, err := newPipeline(settings.Settings{}.WithDefaults(), []namedFilter{filter("slow", func(context.Context, *batch.Batch) error {
		called = true
		return nil
	})})
	require.NoError(t, err)
	_, _, err = p.prepare(ended, b)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.EqualError(t, err, `forwarder: filter "slow": context deadline exceeded`)
	assert.False(t, called)

	ends, end := context.WithCancel(t.Context())
	p, err = newPipeline(settings.Settings{}.WithDefaults(), []namedFilter{filter("slow", func(context.Context, *batch.Batch) error {
		end()
		return batch.Drop("decided")
	})})
	require.NoError(t, err)
	_, dropped, err := p.prepare(ends, b)
	assert.NoError(t, err)
	assert.Equal(t, []Dropped{{Filter: "slow", Reason: "decided", Events: 2, Batch: true}}, dropped)

	// The settings' own filters take no time, so they have no say in this.
	p, err = newPipeline(settings.Settings{}.WithDefaults(), nil)
	require.NoError(t, err)
	d, _, err := p.prepare(ended, b)
	assert.NoError(t, err)
	assert.NotNil(t, d)
}

// A filter that ends its goroutine, as testing's FailNow does, takes the
// caller's goroutine with it: nothing is sent, the observer is told, done is
// called, and the forwarder can be closed.
func TestForward_filterEndsGoroutine(t *testing.T) {
	exit := filter("exit", func(context.Context, *batch.Batch) error {
		runtime.Goexit()
		return nil
	})
	for name, call := range map[string]func(f *Forwarder, b *batch.Batch, done func(error)){
		"Forward": func(f *Forwarder, b *batch.Batch, done func(error)) { done(f.Forward(t.Context(), b)) },
		"ForwardAll": func(f *Forwarder, b *batch.Batch, done func(error)) {
			done(f.ForwardAll(t.Context(), []*batch.Batch{b})[0])
		},
		"ForwardAsync": func(f *Forwarder, b *batch.Batch, done func(error)) { f.ForwardAsync(t.Context(), b, done) },
	} {
		t.Run(name, func(t *testing.T) {
			var seen []ForwardInfo
			p := &fakeProducer{acks: true}
			f := withProducer(t, p, func(_ *settings.Settings, o *options) {
				o.filters = []namedFilter{exit}
				o.observer.Done = func(_ context.Context, i ForwardInfo) { seen = append(seen, i) }
			})
			b, err := batch.Parse([]byte(twoEvents))
			require.NoError(t, err)

			var outcomes []error
			returned, ended := false, make(chan struct{})
			go func() {
				defer close(ended)
				call(f, b, func(err error) { outcomes = append(outcomes, err) })
				returned = true
			}()
			<-ended
			require.NoError(t, f.Close())

			assert.False(t, returned)
			assert.Empty(t, p.groups)
			require.Len(t, seen, 1)
			assert.EqualError(t, seen[0].Err, "forwarder: a filter ended the goroutine of its caller")
			assert.True(t, NothingSent(seen[0].Err))
			if name == "ForwardAsync" {
				assert.Equal(t, []error{seen[0].Err}, outcomes)
			} else {
				assert.Empty(t, outcomes)
			}
		})
	}
}

// A filter may forward to somewhere else; that it failed there says nothing of
// this batch, of which nothing was sent.
func TestNothingSent_filterThatForwards(t *testing.T) {
	elsewhere := &DeliveryError{Messages: 1, Failures: []Failure{{Outcome: Unknown, Err: io.EOF}}}
	assert.False(t, NothingSent(elsewhere))
	assert.True(t, NothingSent(&FilterError{Name: "audit", Err: elsewhere}))
}

func TestNew_refusesFilters(t *testing.T) {
	ok := batch.FilterFunc(func(context.Context, *batch.Batch) error { return nil })
	s := settings.Settings{BootstrapServers: "b1.example.com:9093", TopicName: "events"}
	for want, option := range map[string]Option{
		"forwarder: a filter has no name":   WithFilter("", ok),
		`forwarder: filter "none" is nil`:   WithFilter("none", nil),
		`forwarder: filter "nobody" is nil`: WithFilter("nobody", batch.FilterFunc(nil)),
	} {
		f, err := New(t.Context(), s, WithFilter("ok", ok), option, WithoutProbe())
		assert.EqualError(t, err, want)
		assert.Nil(t, f)
	}
}
