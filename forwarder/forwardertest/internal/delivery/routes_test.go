package delivery

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// routedTopics are those of openRoutes.
var routedTopics = []string{"commerce", "dev", "events"}

// routesTo is a route for each of routedTopics, the last one for the rest.
func routesTo() []forwarder.Route {
	return []forwarder.Route{
		{Topic: "commerce", Types: []string{batch.CommerceEvent}},
		{Topic: "dev", Environment: "development"},
		{Topic: "events"},
	}
}

// openRoutes makes a forwarder by routesTo.
func openRoutes(t testing.TB, k *forwardertest.Kafka, opts ...forwarder.Option) *forwarder.Forwarder {
	t.Helper()
	s := k.Settings()
	s.TopicName = ""
	f, err := forwarder.NewRoutes(within(t, 30*time.Second), s, routesTo(), append(opts, quiet())...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, f.Close()) })
	return f
}

// newRoutedKafka starts a Kafka with the topics of routesTo.
func newRoutedKafka(t testing.TB) *forwardertest.Kafka {
	t.Helper()
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
	for _, topic := range routedTopics[:2] {
		require.NoError(t, k.CreateTopic(topic, 12))
	}
	return k
}

// numbered is a batch of a user that leaves a message in each topic of which it
// has an event: commerce if it says so, and dev or events by its number.
func numbered(t testing.TB, user int64, n int, commerce bool) *batch.Batch {
	t.Helper()
	environment, sale := "production", ""
	if n%3 == 0 {
		environment = "development"
	}
	if commerce {
		sale = `,{"event_type":"commerce_event"}`
	}
	b, err := batch.Parse(fmt.Appendf(nil, `{"mpid":%d,"n":%d,"environment":%q,"events":[{"event_type":"custom_event"}%s]}`, user, n, environment, sale))
	require.NoError(t, err)
	return b
}

// Each topic has each of its events once, in the order of its user, through faults;
// what callers were told of a batch is true of all its messages.
func TestRoutes_throughFaults(t *testing.T) {
	k := newRoutedKafka(t)
	f := openRoutes(t, k)
	ctx := within(t, 2*time.Minute)
	const users = 12
	rounds := 60
	if testing.Short() {
		rounds = 20
	}
	var mu sync.Mutex
	acknowledged := map[string][]string{}
	var failed []error
	seed := uint64(time.Now().UnixNano()) //nolint:gosec // any 64 bits will do
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for n := range rounds {
		if n%5 == 1 {
			trouble(k, random)
		}
		for user := range int64(users) {
			id := n*users + int(user)
			commerce := id%2 == 0
			b := numbered(t, user+1, id, commerce)
			f.ForwardAsync(ctx, b, func(err error) {
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					failed = append(failed, err)
					return
				}
				topic := "events"
				if id%3 == 0 {
					topic = "dev"
				}
				acknowledged[topic] = append(acknowledged[topic], strconv.Itoa(id))
				if commerce {
					acknowledged["commerce"] = append(acknowledged["commerce"], strconv.Itoa(id))
				}
			})
		}
		<-time.After(10 * time.Millisecond)
	}
	require.NoError(t, f.Shutdown(ctx))
	assert.Empty(t, failed)
	assert.Greater(t, k.FaultHits(), 0)
	number := forwardertest.Member("n")
	for _, topic := range routedTopics {
		messages := k.Messages(t, topic)
		assert.Len(t, messages, len(acknowledged[topic]), topic)
		assert.NotEmpty(t, messages, topic)
		forwardertest.NoLoss(t, messages, acknowledged[topic], number)
		forwardertest.NoDuplicates(t, messages, number)
		forwardertest.OrderedPerUser(t, messages, number)
	}
}

// A batch is accepted by all its topics before the call that comes next.
func TestRoutes_orderOfCalls(t *testing.T) {
	k := newRoutedKafka(t)
	f := openRoutes(t, k)
	ctx := within(t, time.Minute)
	turn := make(chan int, 1)
	turn <- 0
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for range 50 {
				n := <-turn
				f.ForwardAsync(ctx, numbered(t, 7, n, true), func(err error) { assert.NoError(t, err) })
				turn <- n + 1
			}
		})
	}
	work.Wait()
	require.NoError(t, f.Shutdown(ctx))
	for _, topic := range routedTopics {
		forwardertest.OrderedPerUser(t, k.Messages(t, topic), forwardertest.Member("n"))
	}
	assert.Len(t, k.Messages(t, "commerce"), 200)
}

// Topics share the connections for messages: one to each broker, whose numbers count
// each message once.
func TestRoutes_shareConnections(t *testing.T) {
	k := newRoutedKafka(t)
	f := openRoutes(t, k)
	for n := range 120 {
		require.NoError(t, f.Forward(within(t, 30*time.Second), numbered(t, int64(n+1), n, true)))
	}
	s := f.Stats()
	assert.Equal(t, int64(240), s.Acknowledged)
	assert.Len(t, s.Brokers, 3)
	messages := int64(0)
	for _, b := range s.Brokers {
		messages += b.Messages
		assert.Equal(t, int64(1), b.Connections, "broker %d", b.ID)
	}
	assert.Equal(t, int64(240), messages)
}

// The stock producer has one for each topic, and makes the same of a batch.
func TestRoutes_stockProducer(t *testing.T) {
	k := newRoutedKafka(t)
	f := openRoutes(t, k, forwarder.WithSaramaProducer())
	for n := range 30 {
		require.NoError(t, f.Forward(within(t, time.Minute), numbered(t, 7, n, true)))
	}
	require.NoError(t, f.Shutdown(within(t, time.Minute)))
	for topic, want := range map[string]int{"commerce": 30, "dev": 10, "events": 20} {
		messages := k.Messages(t, topic)
		assert.Len(t, messages, want)
		forwardertest.OrderedPerUser(t, messages, forwardertest.Member("n"))
	}
}

// Every topic that is refused is named.
func TestRoutes_topicsMissing(t *testing.T) {
	k := forwardertest.NewKafka(t)
	s := k.Settings()
	s.TopicName = ""
	_, err := forwarder.NewRoutes(within(t, 30*time.Second), s, routesTo(), quiet())
	require.Error(t, err)
	assert.ErrorContains(t, err, `forwarder: topic "commerce": `)
	assert.ErrorContains(t, err, `forwarder: topic "dev": `)
	assert.ErrorContains(t, err, `has no topic "dev": create it, or correct the route: `)
	assert.NotContains(t, err.Error(), `topic "events"`, "that is there")
	assert.Zero(t, k.Requests(forwardertest.Produce))

	require.NoError(t, k.CreateTopic("commerce", 1))
	require.NoError(t, k.CreateTopic("dev", 1))
	f := openRoutes(t, k)
	require.NoError(t, f.Ping(within(t, 30*time.Second)))
	require.NoError(t, k.DeleteTopic("dev"))
	err = f.Ping(within(t, 30*time.Second))
	assert.ErrorContains(t, err, `forwarder: topic "dev": `)
	assert.NotContains(t, err.Error(), "commerce")
}

// A topic that takes nothing holds up its own messages only, and the error of a
// batch for it and for another names it.
func TestRoutes_oneTopicFails(t *testing.T) {
	k := newRoutedKafka(t)
	f := openRoutes(t, k)
	require.NoError(t, f.Forward(within(t, 30*time.Second), numbered(t, 7, 1, true)))
	leaderless := k.Leaderless("commerce")
	require.NoError(t, f.Forward(within(t, 30*time.Second), numbered(t, 7, 2, false)), "events only")

	// Both: the deadline comes when events is acknowledged and commerce is not.
	ctx, cancel := context.WithCancel(within(t, 30*time.Second))
	outcome := make(chan error, 1)
	f.ForwardAsync(ctx, numbered(t, 7, 4, true), func(err error) { outcome <- err })
	require.Eventually(t, func() bool { return len(k.Messages(t, "events")) == 3 }, 30*time.Second, 10*time.Millisecond)
	require.NoError(t, f.Forward(within(t, 30*time.Second), numbered(t, 7, 5, false)), "behind it in events: that is acknowledged")
	cancel()
	err := <-outcome
	d, ok := errors.AsType[*forwarder.DeliveryError](err)
	require.True(t, ok, "%v", err)
	require.Len(t, d.Failures, 1)
	assert.Equal(t, 2, d.Messages)
	assert.Equal(t, "commerce", d.Failures[0].Topic)
	assert.ErrorContains(t, err, `topic "commerce"`)
	assert.ErrorIs(t, err, context.Canceled)
	assert.False(t, forwarder.NothingSent(err))
	leaderless.Stop()
	ctx = within(t, 30*time.Second)
	if d.Failures[0].Outcome == forwarder.NotSent {
		rest := d.Remaining()
		require.Equal(t, 1, rest.NumEvents())
		require.NoError(t, f.Forward(ctx, rest))
	} else {
		require.NoError(t, d.Wait(ctx))
	}
	require.NoError(t, f.Shutdown(ctx))
	assert.Len(t, k.Messages(t, "commerce"), 2)
	assert.Len(t, k.Messages(t, "events"), 4)
}

// An event that one topic's broker refuses for its size does not touch the other's.
func TestRoutes_messageRefused(t *testing.T) {
	k := newRoutedKafka(t)
	f := openRoutes(t, k)
	const messageTooLarge = 10
	fault := k.Fail(forwardertest.Produce, messageTooLarge, 1)
	b := numbered(t, 7, 1, false)
	err := f.Forward(within(t, 30*time.Second), b)
	require.Equal(t, 1, fault.Hits())
	assert.ErrorContains(t, err, `first is not sent (topic "events", partition `)
	assert.True(t, forwarder.Permanent(err))
	assert.True(t, forwarder.NothingSent(err))
	assert.Equal(t, b.NumEvents(), errorsRemaining(t, err).NumEvents())
}

func errorsRemaining(t *testing.T, err error) *batch.Batch {
	t.Helper()
	d, ok := errors.AsType[*forwarder.DeliveryError](err)
	require.True(t, ok)
	return d.Remaining()
}

// Close ends the producers of all topics.
func TestRoutes_close(t *testing.T) {
	k := newRoutedKafka(t)
	f := openRoutes(t, k)
	require.NoError(t, f.Forward(within(t, 30*time.Second), numbered(t, 7, 1, true)))
	silence := k.Silence()
	outcome := make(chan error, 1)
	f.ForwardAsync(t.Context(), numbered(t, 7, 2, true), func(err error) { outcome <- err })
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	err := f.Shutdown(ended)
	assert.ErrorContains(t, err, "2 messages undecided")
	require.NoError(t, f.Close())
	assert.ErrorIs(t, <-outcome, forwarder.ErrClosed)
	silence.Stop()
	require.Eventually(t, func() bool { return k.Connections() == 0 }, 30*time.Second, 10*time.Millisecond)
}
