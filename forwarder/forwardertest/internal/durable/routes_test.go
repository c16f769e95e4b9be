package durable

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/spool"
	"github.com/eventferry/eventferry/settings"
)

// routes send purchases and views of screens to a topic of their own.
func routes() []forwarder.Route {
	return []forwarder.Route{{Topic: "commerce", Types: []string{batch.CommerceEvent, batch.ScreenView}}, {Topic: "events"}}
}

func routedKafka(t *testing.T) *forwardertest.Kafka {
	t.Helper()
	return forwardertest.NewKafka(t, forwardertest.WithTopic("events", 3), forwardertest.WithTopic("commerce", 3))
}

// routedSettings are those of k without a topic.
func routedSettings(k *forwardertest.Kafka) settings.Settings {
	s := k.Settings()
	s.TopicName = ""
	return s
}

// startRoutes makes a forwarder by routes that need not reach Kafka.
func startRoutes(t *testing.T, k *forwardertest.Kafka, opts ...forwarder.Option) *forwarder.Forwarder {
	t.Helper()
	opts = append([]forwarder.Option{forwarder.WithoutProbe(), forwarder.WithLogger(quiet)}, opts...)
	f, err := forwarder.NewRoutes(t.Context(), routedSettings(k), routes(), opts...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, f.Close()) })
	return f
}

// makeRouted makes batch n, of one of three users, whose two events go to two topics.
func makeRouted(t testing.TB, n int) *batch.Batch {
	t.Helper()
	b, err := batch.Parse(fmt.Appendf(nil,
		`{"mpid":%d,"events":[{"event_type":"custom_event","data":{"n":%d}},{"event_type":"commerce_event","data":{"n":%d}}]}`, 1+n%3, n, n))
	require.NoError(t, err)
	return b
}

// requireRouted checks that each topic has the batches up to n, each once and those of
// a user in order.
func requireRouted(t *testing.T, k *forwardertest.Kafka, n int) {
	t.Helper()
	var ids []string
	for i := range n {
		ids = append(ids, strconv.Itoa(i))
	}
	for _, topic := range []string{"events", "commerce"} {
		messages := k.Messages(t, topic)
		forwardertest.NoLoss(t, messages, ids, member)
		forwardertest.NoDuplicates(t, messages, member)
		forwardertest.OrderedPerUser(t, messages, member)
		assert.Len(t, messages, n, topic)
	}
}

// Batches for two topics that are stored while Kafka is away arrive in both, once and
// in order, some of them from the next process.
func TestRoutes_reopened(t *testing.T) {
	k, dir := routedKafka(t), t.TempDir()
	down := k.Unreachable()
	for run := range 3 {
		s := openSpool(t, dir, small())
		f := startRoutes(t, k, forwarder.WithSpool(s))
		for n := run * 30; n < run*30+30; n++ {
			require.NoError(t, f.Store(t.Context(), makeRouted(t, n)))
		}
		assert.Equal(t, 2*30*(run+1), f.Stats().Spool.Messages)
		require.NoError(t, f.Close())
		require.NoError(t, s.Close())
	}
	down.Stop()
	f := startRoutes(t, k, forwarder.WithSpool(openSpool(t, dir, small())))
	for n := 90; n < 120; n++ {
		require.NoError(t, f.Forward(within(t, patience), makeRouted(t, n)))
	}
	drainAll(t, f)
	assert.Equal(t, int64(2*120), f.Stats().Acknowledged)
	requireRouted(t, k, 120)
}

// The spool may be that of the settings, which the forwarder opens and closes.
func TestRoutes_spoolOfTheSettings(t *testing.T) {
	k := routedKafka(t)
	s := routedSettings(k)
	s.Spool = settings.Spool{Dir: t.TempDir(), MaxBytes: 8 << 20}
	for n := range 2 {
		f, err := forwarder.NewRoutes(t.Context(), s, routes(), forwarder.WithLogger(quiet))
		require.NoError(t, err)
		require.NoError(t, f.Store(t.Context(), makeRouted(t, n)))
		drainAll(t, f)
	}
	requireRouted(t, k, 2)
	_, err := forwarder.NewRoutes(t.Context(), s, routes(), forwarder.WithSaramaProducer(), forwarder.WithLogger(quiet))
	require.ErrorContains(t, err, "spool")
}

// A topic that stands still holds up no other: neither its messages nor what callers
// and the observer are told of them.
func TestRoutes_topicStandsStill(t *testing.T) {
	k := routedKafka(t)
	settled := make(chan forwarder.ForwardInfo, 10)
	f := startRoutes(t, k, forwarder.WithSpool(openSpool(t, t.TempDir(), small())), forwarder.WithObserver(forwarder.Observer{
		Settled: func(_ context.Context, i forwarder.ForwardInfo) { settled <- i },
	}))
	away := k.Leaderless("commerce")
	require.NoError(t, f.Store(t.Context(), makeRouted(t, 0)))
	first := <-settled
	require.Len(t, first.Messages, 1)
	assert.Equal(t, "events", first.Messages[0].Topic)
	require.NoError(t, first.Err)

	ctx, cancel := context.WithCancel(t.Context())
	told := make(chan error)
	f.ForwardAsync(ctx, makeRouted(t, 1), func(err error) { told <- err })
	require.Eventually(t, func() bool { return len(k.Messages(t, "events")) == 2 }, patience, tick)
	cancel()
	err := <-told
	require.True(t, forwarder.Kept(err), "%v", err)
	var failed *forwarder.DeliveryError
	require.ErrorAs(t, err, &failed)
	for _, one := range failed.Failures {
		assert.Equal(t, forwarder.Stored, one.Outcome)
	}
	assert.Equal(t, "commerce", failed.Failures[len(failed.Failures)-1].Topic)
	away.Stop()
	require.NoError(t, failed.Wait(within(t, patience)))
	drainAll(t, f)
	requireRouted(t, k, 2)
}

const tick = 5e6 // 5 ms, in nanoseconds

// A message that a broker refuses is in the refused part with its topic, and goes
// there when it is put again; the batch's message for the other topic is sent.
func TestRoutes_refusedByTheBroker(t *testing.T) {
	const invalidRecord = 87
	k := routedKafka(t)
	settled := make(chan forwarder.ForwardInfo, 10)
	s := openSpool(t, t.TempDir(), small())
	f := startRoutes(t, k, forwarder.WithSpool(s), forwarder.WithObserver(forwarder.Observer{
		Settled: func(_ context.Context, i forwarder.ForwardInfo) { settled <- i },
	}))
	refusing := k.FailCodecs("commerce", invalidRecord, settings.NoCompression, settings.LZ4, settings.Zstd)
	require.NoError(t, f.Store(t.Context(), makeRouted(t, 0)))
	told := map[string]error{}
	for range 2 {
		info := <-settled
		if info.Err == nil {
			told[info.Messages[0].Topic] = nil
			continue
		}
		var failed *forwarder.DeliveryError
		require.ErrorAs(t, info.Err, &failed)
		assert.Equal(t, 1, failed.Messages)
		assert.Equal(t, 0, failed.Failures[0].Message, "counted among those of the topic")
		told[failed.Failures[0].Topic] = info.Err
	}
	assert.NoError(t, told["events"])
	require.ErrorContains(t, told["commerce"], `topic "commerce"`)
	require.Len(t, told, 2)
	refusing.Stop()
	for m, err := range s.Refused() {
		require.NoError(t, err)
		assert.Equal(t, "commerce", m.Topic)
		require.NoError(t, m.PutAgain(t.Context()))
	}
	drainAll(t, f)
	requireRouted(t, k, 1)
}

// A folder with messages of a topic that no route names is refused, by the name of
// the topic, and taken once they are delivered.
func TestRoutes_topicWithoutRoute(t *testing.T) {
	k, dir := routedKafka(t), t.TempDir()
	down := k.Unreachable()
	s := openSpool(t, dir, small())
	f := startRoutes(t, k, forwarder.WithSpool(s))
	require.NoError(t, f.Store(t.Context(), makeRouted(t, 0)))
	require.NoError(t, f.Close())

	rest := []forwarder.Route{{Topic: "events"}}
	open := func() (*forwarder.Forwarder, error) {
		return forwarder.NewRoutes(t.Context(), routedSettings(k), rest, forwarder.WithSpool(s), forwarder.WithoutProbe(), forwarder.WithLogger(quiet))
	}
	_, err := open()
	var wrong *spool.TopicError
	require.ErrorAs(t, err, &wrong)
	assert.Equal(t, spool.TopicError{Dir: dir, Topic: "commerce", Messages: 1}, *wrong)
	require.ErrorContains(t, err, `holds 1 messages for topic "commerce"`)
	_, err = forwarder.New(t.Context(), k.Settings(), forwarder.WithSpool(s), forwarder.WithoutProbe())
	require.ErrorAs(t, err, &wrong)
	assert.Equal(t, "commerce", wrong.Topic)

	down.Stop()
	drainAll(t, startRoutes(t, k, forwarder.WithSpool(s)))
	f, err = open()
	require.NoError(t, err)
	require.NoError(t, f.Close())
	requireRouted(t, k, 1)
}

// What was under way to two topics when a process ended goes out again as it was.
func TestRoutes_recoversEachTopic(t *testing.T) {
	k, dir := routedKafka(t), t.TempDir()
	lost := k.LoseAnswers(forwardertest.Produce, forwardertest.UntilStopped)
	s := openSpool(t, dir, small())
	f := startRoutes(t, k, forwarder.WithSpool(s))
	for n := range 3 {
		require.NoError(t, f.Store(t.Context(), makeRouted(t, n)))
	}
	for _, topic := range []string{"events", "commerce"} {
		require.Eventually(t, func() bool { return len(k.Messages(t, topic)) > 0 }, patience, tick, topic)
	}
	require.NoError(t, f.Close())
	require.NoError(t, s.Close())
	lost.Stop()
	f = startRoutes(t, k, forwarder.WithSpool(openSpool(t, dir, small())))
	assert.Equal(t, 6, f.Stats().Spool.Messages)
	require.NoError(t, f.Forward(within(t, patience), makeRouted(t, 3)))
	drainAll(t, f)
	requireRouted(t, k, 4)
}

// One topic has no broker that knows it, and the other one goes on.
func TestRoutes_topicMissing(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithTopic("events", 3))
	f := startRoutes(t, k, forwarder.WithSpool(openSpool(t, t.TempDir(), small())))
	for n := range 3 {
		require.NoError(t, f.Store(t.Context(), makeRouted(t, n)))
	}
	require.Eventually(t, func() bool { return len(k.Messages(t, "events")) == 3 }, patience, tick)
	assert.Equal(t, 3, f.Stats().Spool.Messages)
	require.NoError(t, k.CreateTopic("commerce", 3))
	drainAll(t, f)
	requireRouted(t, k, 3)
}

// Windows gather for one topic: routes refuse them, and what a forwarder of one topic
// has left in windows goes to that topic.
func TestRoutes_windows(t *testing.T) {
	k, dir := routedKafka(t), t.TempDir()
	_, err := forwarder.NewRoutes(t.Context(), routedSettings(k), routes(), forwarder.WithoutProbe(), forwarder.WithLogger(quiet),
		forwarder.WithSpool(openSpool(t, t.TempDir(), large())), forwarder.WithWindow(time.Minute))
	require.ErrorContains(t, err, "gathers batches for one topic")

	s := openSpool(t, dir, large())
	f := start(t, k, s, forwarder.WithWindow(time.Hour))
	for i := range 3 {
		require.NoError(t, f.Store(t.Context(), deviceBatch(t, "a", i)))
	}
	require.NoError(t, f.Close())
	require.NoError(t, s.Close())
	f = startRoutes(t, k, forwarder.WithSpool(openSpool(t, dir, large())))
	drainAll(t, f)
	assert.Equal(t, [][]int{{0, 1, 2}}, numbersOf(t, k.Messages(t, "events")))
	assert.Empty(t, k.Messages(t, "commerce"))
}
