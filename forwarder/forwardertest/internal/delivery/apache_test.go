package delivery

import (
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/machinelock"
	"github.com/eventferry/eventferry/settings"
)

// Where the truth is needed: Apache Kafka's own brokers, which take a while to
// start, so all that needs them shares them.
func TestApache(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Apache Kafka, and -short is set")
	}
	machinelock.Lock(t)
	k := apachekafka.New(t, apachekafka.WithBrokers(3), apachekafka.WithListener(shortSessions),
		apachekafka.WithListener(rotating), apachekafka.WithUser(rotatingUser, firstPassword, settings.Plain, settings.SCRAMSHA512))
	for _, c := range []struct {
		name string
		test func(*testing.T, *apachekafka.Cluster)
	}{
		{"new topic", apacheNewTopic}, // first, while nothing is warm
		{"sequence numbers wrap", apacheWrap},
		{"refused alone", apacheRefusedAlone},
		{"re-authentication", apacheReauthentication},
		{"throttled", apacheThrottled},
		{"paused leader", apachePausedLeader},
		{"topic made again", apacheTopicMadeAgain},
		{"rotation", apacheRotation},
		{"through faults", apacheThroughFaults}, // the last: brokers have moved afterwards
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, k) })
	}
}

// Brokers that are killed, paused and stopped all at once, and a record batch
// that is refused meanwhile. When all are started again, they know another password
// of PLAIN.
func apacheThroughFaults(t *testing.T, k *apachekafka.Cluster) {
	ctx := within(t, 6*time.Minute)
	require.NoError(t, k.CreateTopic(ctx, "events", 12, map[string]string{"min.insync.replicas": "2", "max.message.bytes": "400000"}))
	s := k.Settings("events")
	// Above what the topic takes, for the end of the test; what gathers while
	// brokers are down stays below it, as 1,024 of these small messages do.
	s.Delivery.MaxMessageBytes = 600_000
	s.Delivery.Compression = "none"
	f, err := forwarder.New(ctx, s, quiet())
	require.NoError(t, err)
	defer f.Close()

	var l ledger
	stop := make(chan struct{})
	var work sync.WaitGroup
	for w := range 4 {
		work.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				case <-time.After(2 * time.Millisecond):
					l.send(ctx, t, f, int64(w*10+i%10+1), 200)
				}
			}
		})
	}
	leader := func() int {
		id, err := k.Leader(ctx, "events", 0)
		require.NoError(t, err)
		return id
	}
	calm := func() { <-time.After(3 * time.Second) }
	calm()
	killed := leader()
	k.Kill(killed)
	calm()
	require.NoError(t, k.Restart(ctx, killed))
	calm()
	paused := leader()
	require.NoError(t, k.Pause(paused))
	<-time.After(8 * time.Second) // more than broker.session.timeout.ms: its partitions go to others
	require.NoError(t, k.Resume(paused))
	calm()
	plain := beginPlainRotation(ctx, t, k)
	k.StopAll()
	calm()
	require.NoError(t, k.RestartAll(ctx))
	plain.finish(t)
	calm()
	close(stop)
	work.Wait()

	// More than the topic takes, and within our limit: refused by the broker.
	l.waiting.Wait()
	large := l.send(ctx, t, f, 7, 500_000)
	l.waiting.Wait()
	require.ErrorIs(t, large.err, sarama.ErrMessageSizeTooLarge)
	assert.True(t, forwarder.Permanent(large.err))
	assert.True(t, forwarder.NothingSent(large.err))
	for range 10 {
		l.send(ctx, t, f, 7, 10)
	}
	require.NoError(t, f.Shutdown(ctx))
	sum := l.check(t, k, 12)
	t.Logf("%+v", sum)
	assert.Zero(t, sum.unknown)
	assert.Equal(t, 1, sum.notSent)
	assert.Greater(t, sum.acknowledged, 1000)
}
