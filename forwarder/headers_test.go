package forwarder

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/settings"
)

// always returns these headers for every batch.
func always(list ...Header) headerFunc {
	return func(context.Context, *batch.Batch) []Header { return list }
}

// Functions for headers add up, behind the filters, on the context of Begun; what
// they edit is not sent, and a batch that is dropped needs none.
func TestWithHeaders(t *testing.T) {
	calls := 0
	p := &fakeProducer{acks: true}
	f := withProducer(t, p, func(s *settings.Settings, o *options) {
		*s = with("ip_address", "send_as_batch")
		o.filters = []namedFilter{filter("eventless", func(_ context.Context, b *batch.Batch) error {
			if b.NumEvents() == 0 {
				return batch.Drop("no events")
			}
			return b.At("filtered").Set(true)
		})}
		for _, option := range []Option{
			WithObserver(Observer{Begun: func(ctx context.Context, _ *batch.Batch) context.Context {
				return context.WithValue(ctx, observerKey("trace"), "t1")
			}}),
			WithHeaders(func(ctx context.Context, b *batch.Batch) []Header {
				calls++
				assert.True(t, b.At("filtered").Exists())
				assert.False(t, b.At("ip").Exists(), "what a setting removes must not leave in a header")
				assert.NoError(t, b.At("added").Set(true))
				b.DropEvents("all", func(batch.Event) bool { return true })
				trace, _ := ctx.Value(observerKey("trace")).(string)
				return []Header{{"traceparent", []byte(trace)}, {"empty", nil}}
			}),
			WithHeaders(always()),
			WithHeaders(always(Header{"traceparent", []byte("again")})),
		} {
			option.apply(o)
		}
	})
	defer f.Close()
	b, err := batch.Parse([]byte(`{"mpid":7,"ip":"203.0.113.9","events":[{"event_type":"opt_out"},{"event_type":"first_run"}]}`))
	require.NoError(t, err)
	require.NoError(t, f.Forward(t.Context(), b))
	require.NoError(t, f.Forward(t.Context(), events(t, 0)))
	assert.Equal(t, 1, calls, "once for a batch that is sent")
	require.Len(t, p.groups, 1)
	require.Len(t, p.groups[0].Messages, 2)
	for i, value := range []string{
		`{"mpid":7,"events":[{"event_type":"opt_out"}],"filtered":true}`,
		`{"mpid":7,"events":[{"event_type":"first_run"}],"filtered":true}`,
	} {
		m := p.groups[0].Messages[i]
		assert.Equal(t, value, string(m.Value))
		assert.Equal(t, []producer.Header{{Key: "traceparent", Value: []byte("t1")}, {Key: "empty"}, {Key: "traceparent", Value: []byte("again")}}, m.Headers)
	}
}

// A function that fails fails its call alone: nothing of the batch is sent, and
// nothing of a panic or a header is quoted that could be payload.
func TestWithHeaders_failing(t *testing.T) {
	cause := errors.New("no span")
	for name, tt := range map[string]struct {
		headers   headerFunc
		says      string
		permanent bool
	}{
		"panics":             {func(context.Context, *batch.Batch) []Header { panic("ann@example.com") }, "panicked (string)", false},
		"panics on an error": {func(context.Context, *batch.Batch) []Header { panic(cause) }, "panicked (*errors.errorString)", false},
		"panics for good":    {func(context.Context, *batch.Batch) []Header { panic(hopeless{}) }, "panicked (forwarder.hopeless)", true},
		"own key":            {always(Header{"a", nil}, Header{"eventferry-part", []byte("1/2")}), `header 1 of 2: key "eventferry-part"`, false},
		"own prefix":         {always(Header{"eventferry-", nil}), `those that begin with "eventferry-"`, false},
		"no key":             {always(Header{"", []byte("ann@example.com")}), "its key is empty", false},
		"no UTF-8":           {always(Header{"ann@example.com\xff", nil}), "its key is no UTF-8", false},
	} {
		t.Run(name, func(t *testing.T) {
			p := &fakeProducer{acks: true}
			f := withProducer(t, p, func(_ *settings.Settings, o *options) {
				o.headers = []headerFunc{always(), func(ctx context.Context, b *batch.Batch) []Header {
					if b.NumEvents() == 1 {
						return nil
					}
					return tt.headers(ctx, b)
				}}
			})
			defer f.Close()
			err := f.Forward(t.Context(), events(t, 2))
			e, ok := errors.AsType[*HeaderError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, 1, e.Option)
			assert.ErrorContains(t, err, "forwarder: headers (WithHeaders 1): ")
			assert.ErrorContains(t, err, tt.says)
			assert.NotContains(t, err.Error(), "ann@example.com")
			assert.Equal(t, strings.HasPrefix(name, "panics"), e.Stack != nil)
			assert.Equal(t, name == "panics on an error", errors.Is(err, cause))
			assert.True(t, NothingSent(err))
			assert.Equal(t, tt.permanent, Permanent(err))
			assert.Empty(t, p.groups)
			require.NoError(t, f.Forward(t.Context(), events(t, 1)), "another call")
		})
	}
}

type hopeless struct{}

func (hopeless) Error() string   { return "hopeless" }
func (hopeless) Permanent() bool { return true }

// Keys that only look like eventferry's own are the caller's.
func TestWithHeaders_keys(t *testing.T) {
	for _, key := range []string{"eventferry", "Eventferry-part", "x-eventferry-part", "ünï", " "} {
		assert.NoError(t, Header{Key: key}.check(), key)
	}
}

// Headers count to the last byte, on whole messages and on parts.
func TestWithHeaders_sizes(t *testing.T) {
	list := []Header{{"traceparent", []byte(strings.Repeat("0", 55))}, {"x", nil}}
	const headers = len("traceparent") + 55 + 10 + len("x") + 10
	prepared := func(limit int, buffer int64, in string) ([]message, error) {
		b, err := batch.Parse([]byte(in))
		require.NoError(t, err)
		o, _, err := newPipeline(limited(limit, buffer).WithDefaults(), nil, always(list...)).outlineOf(t.Context(), b)
		if err != nil {
			return nil, err
		}
		return encodeAll(&o), nil
	}
	whole := numberedBase + headers + 10*numberedEvent - 1
	messages, err := prepared(whole, math.MaxInt64, numbered(10))
	require.NoError(t, err)
	require.Equal(t, []string{""}, parts(messages))
	assert.Equal(t, whole, size(messages[0]))

	messages, err = prepared(whole-1, math.MaxInt64, numbered(10))
	require.NoError(t, err)
	assert.Equal(t, []string{"1/2", "2/2"}, parts(messages))

	three := numberedBase + headers + len("eventferry-part") + len("1/4") + 3*numberedEvent - 1
	messages, err = prepared(three, math.MaxInt64, numbered(10))
	require.NoError(t, err)
	assert.Equal(t, []int{3, 3, 3, 1}, sizesOf(messages))
	total := 0
	for _, m := range messages {
		assert.Len(t, m.headers, 2, "each part bears them")
		assert.LessOrEqual(t, size(m), three)
		total += size(m)
	}
	messages, err = prepared(three-1, math.MaxInt64, numbered(10))
	require.NoError(t, err)
	assert.Equal(t, 2, messages[0].events)

	_, err = prepared(three, int64(total), numbered(10))
	require.NoError(t, err)
	_, err = prepared(three, int64(total-1), numbered(10))
	assert.Equal(t, &TooLargeError{Event: -1, Size: int64(total), Limit: int64(total - 1)}, err, "in the buffer they count on each part")

	one := numberedBase + headers + numberedEvent - 1
	_, err = prepared(one-1, math.MaxInt64, numbered(1))
	assert.Equal(t, &TooLargeError{Event: 0, Size: int64(one), Limit: int64(one - 1)}, err)
}

// The buffer counts the memory of headers, once for a batch.
func TestWithHeaders_held(t *testing.T) {
	held := func(headers ...headerFunc) int64 {
		o, _, err := newPipeline(with("send_as_batch").WithDefaults(), nil, headers...).outlineOf(t.Context(), events(t, 3))
		require.NoError(t, err)
		return o.held(events(t, 3))
	}
	more := held(always(Header{"key", make([]byte, 5000)})) - held()
	assert.Greater(t, more, int64(5000))
	assert.Less(t, more, int64(5100))
}

// Explain shows headers, and their values only when it is asked to.
func TestExplain_headers(t *testing.T) {
	opts := []Option{WithHeaders(always(Header{"ce_id", []byte("a1")}, Header{"none", nil}))}
	e, err := Explain(t.Context(), somewhere, events(t, 2), opts...)
	require.NoError(t, err)
	require.Len(t, e.Messages, 1)
	assert.Equal(t, []PlannedHeader{{Key: "ce_id", Bytes: 2}, {Key: "none"}}, e.Messages[0].Headers)
	assert.Equal(t, e.Messages[0].Bytes+len("42")+128+len("ce_id")+len("a1")+len("none")+20, e.Messages[0].Size)
	assert.Contains(t, e.String(), "  header ce_id, 2 bytes\n  header none, 0 bytes\n")

	e, err = Explain(t.Context(), somewhere, events(t, 2), append(opts, WithValues())...)
	require.NoError(t, err)
	assert.Contains(t, e.String(), "  header ce_id, 2 bytes: \"a1\"\n")
	text, err := e.MarshalJSON()
	require.NoError(t, err)
	assert.Contains(t, string(text), `"headers":[{"key":"ce_id","bytes":2,"value":"a1"},{"key":"none","bytes":0}]`)

	e, err = Explain(t.Context(), somewhere, events(t, 2), WithHeaders(always(Header{})))
	require.NoError(t, err)
	_, ok := errors.AsType[*HeaderError](e.Err)
	assert.True(t, ok)
	assert.Equal(t, "WithHeaders", e.Events[1].Filter)

	_, err = Explain(t.Context(), somewhere, events(t, 2), WithHeaders(nil))
	assert.ErrorContains(t, err, "a function of WithHeaders is nil")
}
