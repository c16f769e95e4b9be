package delivery

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
)

// shortSessions is a way in that wants proof of identity every two seconds.
var shortSessions = apachekafka.Listener{
	Name: "SHORT", Properties: map[string]string{"scram-sha-512.connections.max.reauth.ms": "2000"},
}

// apacheReauthentication: sessions end again and again under continuous traffic.
func apacheReauthentication(t *testing.T, k *apachekafka.Cluster) {
	l := ledger{topic: "short-sessions"}
	require.NoError(t, k.CreateTopic(within(t, time.Minute), l.topic, 6, nil))
	s := k.Settings(l.topic)
	s.BootstrapServers = strings.Join(k.Servers(shortSessions.Name), ",")
	var told infos
	f := engine.start(t, s, told.option())
	began := time.Now()
	slowest := stream(t, f, &l, 9*time.Second)
	t.Logf("%d batches, the slowest took %v", len(l.entries), slowest)
	for _, w := range told.list() { // a busy machine may let it wait, and a session may end there, but no proof is refused
		assert.NotErrorIs(t, w.Cause, sarama.ErrSASLAuthenticationFailed)
		assert.NotErrorIs(t, w.Cause, sarama.ErrIllegalSASLState)
	}
	assert.LessOrEqual(t, slowest, machine.Allow(2*time.Second, began))
	assert.Equal(t, tally{acknowledged: len(l.entries)}, l.check(t, k, 6))
}

// apacheThrottled: a broker that says to send less is heeded, and the others'
// partitions do not wait for it.
func apacheThrottled(t *testing.T, k *apachekafka.Cluster) {
	l := ledger{topic: "throttled"}
	ctx := within(t, 2*time.Minute)
	require.NoError(t, k.CreateTopic(ctx, l.topic, 3, nil))
	slow, err := k.Leader(ctx, l.topic, 0)
	require.NoError(t, err)
	other := int32(1)
	if id, err := k.Leader(ctx, l.topic, other); err != nil || id == slow {
		other = 2
	}
	id, err := k.Leader(ctx, l.topic, other)
	require.NoError(t, err)
	require.NotEqual(t, slow, id, "a topic's partitions are spread over the brokers")

	limit(ctx, t, k, 200_000)
	defer limit(ctx, t, k, 0)
	s := k.Settings(l.topic)
	s.Delivery.Compression = "none"
	f := engine.start(t, s)
	begun := time.Now()
	for range 40 {
		l.send(ctx, t, f, userOn(0, 3, 0), 100_000)
	}
	var times []time.Duration
	for time.Since(begun) < 4*time.Second {
		e, b := l.make(t, userOn(other, 3, 0), 10)
		start := time.Now()
		l.note(e, f.Forward(ctx, b))
		require.NoError(t, e.err)
		times = append(times, time.Since(start))
		<-time.After(20 * time.Millisecond)
	}
	waiting := l.undecided()
	slices.Sort(times)
	t.Logf("%d wait after 4 seconds; elsewhere %d took %v at most, %v usually", waiting, len(times), times[len(times)-1], times[len(times)/2])
	assert.Positive(t, waiting, "it is throttled")
	assert.Less(t, times[len(times)*9/10], machine.Allow(300*time.Millisecond, begun))
	assert.Less(t, times[len(times)-1], machine.Allow(2*time.Second, begun))

	// Nor does Close wait.
	var given ledger
	closing := engine.start(t, s)
	for range 40 {
		given.send(ctx, t, closing, userOn(0, 3, 0), 100_000)
	}
	require.Eventually(t, func() bool { return given.undecided() < 40 }, time.Minute, time.Millisecond)
	start := time.Now()
	require.NoError(t, closing.Close())
	t.Logf("Close took %v", time.Since(start))
	assert.Less(t, time.Since(start), machine.Allow(time.Second, start))

	limit(ctx, t, k, 0)
	require.NoError(t, f.Shutdown(ctx))
	for _, e := range l.entries {
		assert.NoError(t, e.err)
	}
}

// limit lets clients send each broker so many bytes a second; 0: as they like.
func limit(ctx context.Context, t *testing.T, k *apachekafka.Cluster, bytes float64) {
	t.Helper()
	client, err := k.Client()
	require.NoError(t, err)
	defer client.Close()
	id := "eventferry" // the setting's default
	answers, err := kadm.NewClient(client).AlterClientQuotas(ctx, []kadm.AlterClientQuotaEntry{{
		Entity: kadm.ClientQuotaEntity{{Type: "client-id", Name: &id}},
		Ops:    []kadm.AlterClientQuotaOp{{Key: "producer_byte_rate", Value: bytes, Remove: bytes == 0}},
	}})
	require.NoError(t, err)
	for _, a := range answers {
		require.NoError(t, a.Err)
	}
}

// apachePausedLeader: a leader hangs with its connections open. Once others lead
// its partitions, delivery goes on with them.
func apachePausedLeader(t *testing.T, k *apachekafka.Cluster) {
	l := ledger{topic: "paused"}
	ctx := within(t, 2*time.Minute)
	require.NoError(t, k.CreateTopic(ctx, l.topic, 6, nil))
	f := engine.start(t, k.Settings(l.topic))
	for user := range int64(24) {
		l.send(ctx, t, f, user+1, 10)
	}
	l.waiting.Wait()
	leader, err := k.Leader(ctx, l.topic, 0)
	require.NoError(t, err)
	require.NoError(t, k.Pause(leader))
	begun := time.Now()
	for i := range 240 {
		l.send(ctx, t, f, int64(i%24+1), 10)
	}
	l.waiting.Wait()
	t.Logf("all acknowledged after %v", time.Since(begun))
	if !racing {
		assert.Less(t, time.Since(begun), machine.Allow(15*time.Second, begun))
	}
	require.NoError(t, k.Resume(leader))
	require.NoError(t, f.Shutdown(ctx))
	// Until it has heard of the others it takes itself for the leader, and would
	// show readers what it has.
	require.Eventually(t, func() bool { return len(k.Messages(t, l.topic)) >= 264 }, time.Minute, 500*time.Millisecond)
	assert.Equal(t, tally{acknowledged: 264}, l.check(t, k, 6))
}

// apacheTopicMadeAgain: what waits while the topic is gone is written to the one
// that is made in its place.
func apacheTopicMadeAgain(t *testing.T, k *apachekafka.Cluster) {
	l := ledger{topic: "again"}
	ctx := within(t, 2*time.Minute)
	require.NoError(t, k.CreateTopic(ctx, l.topic, 3, nil))
	f := engine.start(t, k.Settings(l.topic))
	for user := range int64(20) {
		l.send(ctx, t, f, user+1, 10)
	}
	l.waiting.Wait()
	require.NoError(t, k.DeleteTopic(ctx, l.topic))
	for user := range int64(20) {
		l.send(ctx, t, f, user+1, 10)
	}
	<-time.After(time.Second) // in which all of it is refused, and tried again
	require.Equal(t, 20, l.undecided())
	require.NoError(t, k.CreateTopic(ctx, l.topic, 6, nil))
	begun := time.Now()
	l.waiting.Wait()
	t.Logf("all acknowledged after %v", time.Since(begun))
	for _, e := range l.entries {
		require.NoError(t, e.err)
	}
	assert.Len(t, k.Messages(t, l.topic), 20, "what was there went with the first topic")
}
