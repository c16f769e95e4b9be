package forwarder

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/settings"
)

// twoRoutes send commerce events to one topic and the rest to another.
func twoRoutes() []Route {
	return []Route{{Topic: "commerce", Types: []string{batch.CommerceEvent}}, {Topic: "rest"}}
}

// withTwoRoutes makes a forwarder by twoRoutes on two producers.
func withTwoRoutes(t *testing.T, commerce, rest producer.Producer, change func(*settings.Settings, *options)) *Forwarder {
	t.Helper()
	r, err := newRouter(twoRoutes())
	require.NoError(t, err)
	s, o := keepAll(), options{logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&s, &o)
	}
	s = s.WithDefaults()
	f := newWithoutTopic(s, o)
	f.pipeline.useRouter(r)
	f.addTopic("commerce", s, commerce, fakeProbe{})
	f.addTopic("rest", s, rest, fakeProbe{cause: errors.New("rest is slow")})
	return f
}

// mixed is a batch of user 42 with events 0, 2 and 3 for the rest and 1 and 4 for
// commerce.
func mixed(t *testing.T) *batch.Batch {
	t.Helper()
	b, err := batch.Parse([]byte(`{"mpid":42,"events":[{"event_type":"opt_out"},{"event_type":"commerce_event"},{"event_type":"first_run"},` +
		`{"event_type":"opt_out"},{"event_type":"commerce_event"}],"x":1}`))
	require.NoError(t, err)
	return b
}

func TestRoutes_acknowledged(t *testing.T) {
	var infos []ForwardInfo
	commerce, rest := &fakeProducer{acks: true}, &fakeProducer{acks: true}
	f := withTwoRoutes(t, commerce, rest, func(_ *settings.Settings, o *options) {
		o.observer.Done = func(_ context.Context, i ForwardInfo) { infos = append(infos, i) }
	})
	defer f.Close()
	require.NoError(t, f.Forward(t.Context(), mixed(t)))
	require.Len(t, infos, 1)
	assert.Equal(t, []Message{
		{Topic: "commerce", Partition: 3, Offset: 100, Events: 2, Bytes: 92},
		{Topic: "rest", Partition: 3, Offset: 100, Events: 3, Bytes: 105},
	}, infos[0].Messages)
	for p, want := range map[*fakeProducer]string{
		commerce: `{"mpid":42,"events":[{"event_type":"commerce_event"},{"event_type":"commerce_event"}],"x":1}`,
		rest:     `{"mpid":42,"events":[{"event_type":"opt_out"},{"event_type":"first_run"},{"event_type":"opt_out"}],"x":1}`,
	} {
		g := p.submitted(t, 1)[0]
		require.Len(t, g.Messages, 1)
		assert.Equal(t, want, string(g.Messages[0].Value))
		assert.Equal(t, "42", string(g.Messages[0].Key))
	}
	// A batch for one topic goes to no other.
	b, err := batch.Parse([]byte(`{"mpid":42,"events":[{"event_type":"opt_out"}]}`))
	require.NoError(t, err)
	require.NoError(t, f.Forward(t.Context(), b))
	assert.Len(t, commerce.submitted(t, 1), 1)
	assert.Len(t, rest.submitted(t, 2), 2)
}

// Of a batch that one topic has taken and the other has not, the error names the
// topic, and Remaining has what was for it.
func TestRoutes_partlyFailed(t *testing.T) {
	refused := errors.New("refused")
	for name, tc := range map[string]struct {
		settle  func(commerce, rest *fakeProducer)
		text    string
		outcome Outcome
		left    string
		nothing bool
	}{
		"one not sent": {
			func(commerce, rest *fakeProducer) {
				rest.settleAll(rest.groups[0], producer.Result{Outcome: producer.NotSent, Partition: 5, Offset: -1, Err: refused})
				commerce.ack(commerce.groups[0])
			},
			`forwarder: delivering: 1 of 2 messages not acknowledged: first is not sent (topic "rest", partition 5): refused`, NotSent,
			`{"mpid":42,"events":[{"event_type":"opt_out"},{"event_type":"first_run"},{"event_type":"opt_out"}],"x":1}`, false,
		},
		"the other unknown": {
			func(commerce, rest *fakeProducer) {
				commerce.settleAll(commerce.groups[0], unknown(refused))
				rest.ack(rest.groups[0])
			},
			`forwarder: delivering: 1 of 2 messages not acknowledged: first is unknown (topic "commerce", partition 3): refused`, Unknown, "", false,
		},
		"both not sent": {
			func(commerce, rest *fakeProducer) {
				for _, p := range []*fakeProducer{rest, commerce} {
					p.settleAll(p.groups[0], producer.Result{Outcome: producer.NotSent, Partition: -1, Offset: -1, Err: refused})
				}
			},
			`forwarder: delivering: 2 of 2 messages not acknowledged: first is not sent (topic "commerce"): refused`, NotSent,
			string(mixed(t).AppendJSON(nil)), true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			commerce, rest := &fakeProducer{}, &fakeProducer{}
			f := withTwoRoutes(t, commerce, rest, nil)
			defer f.Close()
			outcome := make(chan error, 1)
			f.ForwardAsync(t.Context(), mixed(t), func(err error) { outcome <- err })
			commerce.submitted(t, 1)
			rest.submitted(t, 1)
			tc.settle(commerce, rest)
			err := <-outcome
			require.EqualError(t, err, tc.text)
			d, ok := errors.AsType[*DeliveryError](err)
			require.True(t, ok)
			assert.Equal(t, tc.outcome, d.Failures[0].Outcome)
			assert.Equal(t, tc.nothing, NothingSent(err))
			if tc.left == "" {
				assert.Nil(t, d.Remaining())
			} else {
				assert.Equal(t, tc.left, string(d.Remaining().AppendJSON(nil)))
			}
			assert.Equal(t, err, d.Wait(t.Context()), "all is decided")
		})
	}
}

// Each event its message: Remaining has those that are not sent, of both topics.
func TestRoutes_remainingOfMessages(t *testing.T) {
	commerce, rest := &fakeProducer{}, &fakeProducer{}
	f := withTwoRoutes(t, commerce, rest, oneMessagePerEvent)
	defer f.Close()
	outcome := make(chan error, 1)
	f.ForwardAsync(t.Context(), mixed(t), func(err error) { outcome <- err })
	notSent := producer.Result{Outcome: producer.NotSent, Partition: 3, Offset: -1, Err: errors.New("refused")}
	acknowledged := producer.Result{Outcome: producer.Acknowledged, Partition: 3, Offset: 1}
	g := commerce.submitted(t, 1)[0]
	commerce.settle(g, 0, acknowledged)
	commerce.settle(g, 1, notSent)
	g = rest.submitted(t, 1)[0]
	rest.settle(g, 0, notSent)
	rest.settle(g, 1, unknown(errors.New("lost")))
	rest.settle(g, 2, acknowledged)
	d, ok := errors.AsType[*DeliveryError](<-outcome)
	require.True(t, ok)
	assert.Equal(t, 5, d.Messages)
	var list []Failure
	for _, one := range d.Failures {
		one.Err = nil
		list = append(list, one)
	}
	assert.Equal(t, []Failure{
		{Message: 1, FirstEvent: 1, Events: 1, Outcome: NotSent, Topic: "commerce", Partition: 3},
		{Message: 2, FirstEvent: 0, Events: 1, Outcome: NotSent, Topic: "rest", Partition: 3},
		{Message: 3, FirstEvent: 1, Events: 1, Outcome: Unknown, Topic: "rest", Partition: 3},
	}, list)
	assert.Equal(t, `{"mpid":42,"events":[{"event_type":"opt_out"},{"event_type":"commerce_event"}],"x":1}`, string(d.Remaining().AppendJSON(nil)))
}

// The end of a context withdraws from each topic what its producer has not sent.
// What waits is said by topic.
func TestRoutes_withdrawn(t *testing.T) {
	var settled []ForwardInfo
	var mu sync.Mutex
	commerce, rest := &fakeProducer{}, &fakeProducer{}
	f := withTwoRoutes(t, commerce, rest, func(_ *settings.Settings, o *options) {
		o.observer.Settled = func(_ context.Context, i ForwardInfo) {
			mu.Lock()
			defer mu.Unlock()
			settled = append(settled, i)
		}
	})
	defer f.Close()
	rest.setWaiting(producer.Waiting{Partition: 3, Since: time.Now().Add(-time.Minute), Cause: errors.New("no leader")})
	ctx, cancel := context.WithCancel(t.Context())
	outcome := make(chan error, 1)
	go func() { outcome <- f.Forward(ctx, mixed(t)) }()
	commerce.submitted(t, 1)
	g := rest.submitted(t, 1)[0]
	rest.hand(g, 1)
	cancel()
	err := <-outcome
	d, ok := errors.AsType[*DeliveryError](err)
	require.True(t, ok)
	require.Len(t, d.Failures, 2)
	assert.Equal(t, []Outcome{NotSent, Unknown}, []Outcome{d.Failures[0].Outcome, d.Failures[1].Outcome})
	assert.EqualError(t, d.Failures[0].Err, "context canceled", "commerce waits for nothing")
	assert.EqualError(t, d.Failures[1].Err, "context canceled: delivery waits: no leader")
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, `{"mpid":42,"events":[{"event_type":"commerce_event"},{"event_type":"commerce_event"}],"x":1}`, string(d.Remaining().AppendJSON(nil)))

	rest.ack(g)
	err = d.Wait(t.Context())
	require.EqualError(t, err, `forwarder: delivering: 1 of 2 messages not acknowledged: first is not sent (topic "commerce"): context canceled`)
	require.NoError(t, f.Shutdown(t.Context()))
	require.Len(t, settled, 1)
	assert.Equal(t, err.Error(), settled[0].Err.Error())
}

// Shutdown waits for all topics, and says what they wait for. Close ends all.
func TestRoutes_end(t *testing.T) {
	commerce, rest := &fakeProducer{}, &fakeProducer{}
	f := withTwoRoutes(t, commerce, rest, nil)
	outcome := make(chan error, 1)
	f.ForwardAsync(t.Context(), mixed(t), func(err error) { outcome <- err })
	commerce.ack(commerce.submitted(t, 1)[0])
	rest.submitted(t, 1)
	rest.setWaiting(producer.Waiting{Partition: 3, Since: time.Now().Add(-time.Minute), Cause: errors.New("no leader")})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	err := f.Shutdown(ended)
	require.EqualError(t, err, `forwarder: shutting down: 1 message undecided: topic "rest": context canceled: delivery waits: no leader`)
	assert.ErrorIs(t, f.Forward(t.Context(), mixed(t)), ErrClosed)
	assert.ErrorIs(t, f.Ping(t.Context()), ErrClosed)
	require.NoError(t, f.Close())
	require.NoError(t, f.Close())
	err = <-outcome
	assert.ErrorIs(t, err, ErrClosed)
	assert.EqualError(t, err, `forwarder: delivering: 1 of 2 messages not acknowledged: first is not sent (topic "rest"): forwarder: closed`)
	assert.True(t, commerce.closed && rest.closed)
	assert.EqualError(t, f.Shutdown(t.Context()), "forwarder: shutting down: 1 message undecided when Close came: forwarder: closed")
}

// The memory of a batch is used again only once the producers of all its topics
// have acknowledged.
func TestRoutes_memory(t *testing.T) {
	commerce, rest := &fakeProducer{}, &fakeProducer{}
	f := withTwoRoutes(t, commerce, rest, nil)
	defer f.Close()
	f.ForwardAsync(t.Context(), mixed(t), nil)
	d := rest.submitted(t, 1)[0].Owner.(*topicGroup).delivery //nolint:errcheck // nothing else is submitted
	require.NotNil(t, d.memory)
	before := f.buffer.used
	assert.Greater(t, before, int64(0))
	rest.ack(rest.groups[0])
	assert.NotNil(t, d.memory)
	assert.Equal(t, before, f.buffer.used)
	commerce.ack(commerce.submitted(t, 1)[0])
	assert.Nil(t, d.memory)
	assert.Zero(t, f.buffer.used)
}

// Waits are told with their topic.
func TestRoutes_waiting(t *testing.T) {
	waits, ends := make(chan WaitInfo, 10), make(chan ResumedInfo, 10)
	commerce, rest := &fakeProducer{}, &fakeProducer{}
	f := withTwoRoutes(t, commerce, rest, func(_ *settings.Settings, o *options) {
		o.observer.Waiting = func(_ context.Context, i WaitInfo) { waits <- i }
		o.observer.Resumed = func(_ context.Context, i ResumedInfo) { ends <- i }
	})
	defer f.Close()
	f.ForwardAsync(t.Context(), mixed(t), nil)
	since := time.Now().Add(-time.Minute)
	rest.setWaiting(producer.Waiting{Partition: 3, Since: since, Cause: errors.New("no leader"), Next: "asking"})
	assert.Equal(t, WaitInfo{Topic: "rest", Partition: 3, Since: since, Cause: errors.New("rest is slow"), Next: "asking"}, <-waits)
	rest.setWaiting()
	commerce.ack(commerce.submitted(t, 1)[0])
	rest.ack(rest.submitted(t, 1)[0])
	e := <-ends
	assert.Equal(t, "rest", e.Topic)
	assert.True(t, e.Acknowledged)
}

func TestNewRoutes_mistakes(t *testing.T) {
	s := settings.Settings{BootstrapServers: "b1", TopicName: "events"}
	_, err := NewRoutes(t.Context(), s, []Route{{Topic: "a b"}, {}}, WithFilter("", nil))
	require.EqualError(t, err, "forwarder: topic_name must be empty, as the routes name the topics\n"+
		"forwarder: route 1: topic \"a b\" must hold nothing but ASCII letters, digits, '.', '_' and '-'\n"+
		"forwarder: route 2: topic \"\" is required\n"+
		"settings: bootstrap_servers \"b1\": has no port: write host:port")
	s = settings.Settings{BootstrapServers: "127.0.0.1:1"}
	_, err = NewRoutes(t.Context(), s, nil, WithoutProbe())
	require.EqualError(t, err, "forwarder: there is no route")
	f, err := NewRoutes(t.Context(), s, twoRoutes(), WithoutProbe())
	require.NoError(t, err)
	require.NoError(t, f.Close())
}
