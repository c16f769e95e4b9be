package forwarder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/settings"
)

// An error of a filter, a panic in it and the end of the context fail this
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
			text:   "panicked (string)", stack: "filter_test.go",
		},
		"panic with an error": {
			filter: func(context.Context, *batch.Batch) error { panic(io.ErrClosedPipe) },
			text:   "panicked (*errors.errorString)", is: []error{io.ErrClosedPipe}, stack: "filter_test.go",
		},
		"panic of the runtime": {
			filter: func(_ context.Context, b *batch.Batch) error { return batch.Drop([]string{}[b.NumEvents()]) },
			text:   "panicked (runtime.boundsError)", stack: "filter_test.go",
		},
		"panic with nil": {
			filter: func(context.Context, *batch.Batch) error { panic(nil) }, //nolint:govet // on purpose
			text:   "panicked (*runtime.PanicNilError)", stack: "filter_test.go",
		},
		"panic with a drop": {
			filter: func(context.Context, *batch.Batch) error { panic(batch.Drop("no decision")) },
			text:   "panicked", stack: "filter_test.go",
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
			text: "panicked", is: []error{io.ErrClosedPipe}, stack: "filter_test.go",
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
			p := newPipeline(settings.Settings{}.WithDefaults(), []namedFilter{dropNamed("names", "name a", "a"), filter("the filter", c.filter)})
			b, err := batch.Parse([]byte(twoEvents))
			require.NoError(t, err)

			o, dropped, err := p.outlineOf(ctx, b)
			assert.Zero(t, o)
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
	p := newPipeline(settings.Settings{}.WithDefaults(), []namedFilter{filter("slow", func(context.Context, *batch.Batch) error {
		called = true
		return nil
	})})
	_, _, err = p.outlineOf(ended, b)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.EqualError(t, err, `forwarder: filter "slow": context deadline exceeded`)
	assert.False(t, called)

	ends, end := context.WithCancel(t.Context())
	p = newPipeline(settings.Settings{}.WithDefaults(), []namedFilter{filter("slow", func(context.Context, *batch.Batch) error {
		end()
		return batch.Drop("decided")
	})})
	_, dropped, err := p.outlineOf(ends, b)
	assert.NoError(t, err)
	assert.Equal(t, []Dropped{{Filter: "slow", Reason: "decided", Events: 2, Batch: true}}, dropped)

	// The settings' own filters take no time, so they have no say in this.
	p = newPipeline(settings.Settings{}.WithDefaults(), nil)
	o, _, err := p.outlineOf(ended, b)
	assert.NoError(t, err)
	assert.NotNil(t, o.batch)
}

// The text of an error is one line, whatever a filter or a function for headers joins.
func TestPipeline_errorsAreOneLine(t *testing.T) {
	several := errors.Join(errors.New("no consent"), errors.New("line\u2028break"))
	for _, err := range []error{&FilterError{Name: "own", Err: several}, &FilterError{Err: several}, &HeaderError{Option: 1, Err: several}} {
		assert.NotContains(t, err.Error(), "\n")
		assert.NotContains(t, err.Error(), "\u2028")
		assert.Contains(t, err.Error(), `no consent\nline\u2028break`)
		assert.ErrorIs(t, err, several)
	}
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
			assert.EqualError(t, seen[0].Err, "forwarder: a filter or Observer.Begun ended the goroutine of its caller")
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
		"forwarder: a filter has no name":      WithFilter("", ok),
		`forwarder: filter "none" is nil`:      WithFilter("none", nil),
		`forwarder: filter "typed nil" is nil`: WithFilter("typed nil", batch.FilterFunc(nil)),
		`forwarder: filter "func" is nil`:      WithFilterFunc("func", nil),
	} {
		f, err := New(t.Context(), s, WithFilter("ok", ok), option, WithoutProbe())
		assert.EqualError(t, err, want)
		assert.Nil(t, f)
	}
}

// Of ForwardAll's batches those before the one in which a filter ends the
// goroutine are delivered, those behind it are not begun, and the observer is told
// of each.
func TestForwardAll_filterEndsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := map[int]error{} // by number of events
		filtered := 0
		p := &fakeProducer{}
		f := withProducer(t, p, func(_ *settings.Settings, o *options) {
			o.filters = []namedFilter{filter("exit", func(context.Context, *batch.Batch) error {
				if filtered++; filtered == 3 {
					runtime.Goexit()
				}
				return nil
			})}
			o.observer.Done = func(_ context.Context, i ForwardInfo) { seen[i.Events] = i.Err }
		})
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			f.ForwardAll(t.Context(), []*batch.Batch{events(t, 1), events(t, 2), events(t, 3), events(t, 4), events(t, 5)})
		}()
		synctest.Wait()
		p.ack(p.groups[0])
		p.settleAll(p.groups[1], producer.Result{Outcome: producer.Unknown, Err: errors.New("lost")})
		<-ended
		assert.Len(t, p.groups, 2)
		require.Len(t, seen, 5)
		assert.NoError(t, seen[1])
		assert.ErrorContains(t, seen[2], "lost")
		for n := 3; n <= 5; n++ {
			assert.Equal(t, errNoReturn, seen[n])
		}
		require.NoError(t, f.Close())
	})
}

// The same with an observer that ends it whenever it is told of a batch, from the third on.
func TestForwardAll_begunEndsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := map[int]error{} // by number of events
		begun := 0
		p := &fakeProducer{acks: true}
		f := withProducer(t, p, func(_ *settings.Settings, o *options) {
			o.observer.Begun = func(ctx context.Context, _ *batch.Batch) context.Context {
				if begun++; begun >= 3 {
					runtime.Goexit()
				}
				return ctx
			}
			o.observer.Done = func(_ context.Context, i ForwardInfo) { seen[i.Events] = i.Err }
		})
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			f.ForwardAll(t.Context(), []*batch.Batch{events(t, 1), events(t, 2), events(t, 3), events(t, 4), events(t, 5)})
		}()
		<-ended
		assert.Len(t, p.groups, 2)
		assert.Equal(t, map[int]error{1: nil, 2: nil, 3: errNoReturn, 4: errNoReturn, 5: errNoReturn}, seen)
		require.NoError(t, f.Close())
	})
}
