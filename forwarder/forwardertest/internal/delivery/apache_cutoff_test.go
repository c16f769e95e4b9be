package delivery

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/machinelock"
)

// A broker of Apache Kafka that is cut off from the controllers takes itself for
// the leader and answers metadata of before, for as long as it is cut off. The
// others know better. TestStaleMetadata is the same with embedded brokers.
func TestApacheKafka_cutOff(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Apache Kafka, and -short is set")
	}
	machinelock.Lock(t)
	const (
		other, cut = 1, 3
		partitions = 6
		users      = 60
	)
	k := apachekafka.New(t, apachekafka.WithVersion(apachekafka.Version35), apachekafka.WithBrokers(3), apachekafka.WithOneController())
	ctx := within(t, 3*time.Minute)
	before, opened := ledger{topic: "open-before"}, ledger{topic: "opened-while-stale"}
	leaders := map[string]map[int32]int32{} // by topic and partition
	for _, l := range []*ledger{&before, &opened} {
		require.NoError(t, k.CreateTopic(ctx, l.topic, partitions, nil))
		leaders[l.topic] = leadersAt(ctx, t, k, cut, l.topic)
		require.Contains(t, slices.Collect(maps.Values(leaders[l.topic])), int32(cut), "partitions are spread over the brokers")
	}

	// Nothing is known of the others but from the one that is cut off.
	s := k.Settings(before.topic)
	s.BootstrapServers = k.Servers(apachekafka.ListenerSASL)[cut-1]
	f := engine.start(t, s)
	for user := range int64(users) {
		before.send(ctx, t, f, user+1, 10)
	}
	before.waiting.Wait()

	heal := k.CutOff(cut)
	for topic := range leaders {
		require.Eventually(t, func() bool {
			now := slices.Collect(maps.Values(leadersAt(ctx, t, k, other, topic)))
			return !slices.Contains(now, cut) && !slices.Contains(now, -1)
		}, time.Minute, 100*time.Millisecond, "others lead its partitions")
	}
	stale := func() {
		t.Helper()
		for topic, old := range leaders {
			require.Equal(t, old, leadersAt(ctx, t, k, cut, topic), "the broker does not hear of it")
		}
	}
	stale()
	written := bytesAt(ctx, t, k, cut, before.topic, leaders[before.topic])
	s.TopicName = opened.topic
	while := engine.start(t, s)
	deadline := within(t, time.Minute)
	for i := range int64(5 * users) {
		before.send(deadline, t, f, i%users+1, 10)
		opened.send(deadline, t, while, i%users+1, 10)
	}
	begun := time.Now()
	before.waiting.Wait()
	opened.waiting.Wait()
	t.Logf("all acknowledged after %v", time.Since(begun))
	stale()
	assert.Greater(t, bytesAt(ctx, t, k, cut, before.topic, leaders[before.topic]), written, "the broker has taken what it cannot acknowledge")

	require.NoError(t, heal())
	for topic := range leaders { // until then it would show readers what it has
		require.Eventually(t, func() bool {
			return maps.Equal(leadersAt(ctx, t, k, other, topic), leadersAt(ctx, t, k, cut, topic))
		}, time.Minute, 100*time.Millisecond, "the broker hears of the leaders")
	}
	assert.Equal(t, tally{acknowledged: 6 * users}, before.check(t, k, partitions))
	assert.Equal(t, tally{acknowledged: 5 * users}, opened.check(t, k, partitions))
}

// leadersAt returns the leader of each partition, -1 for none, as one broker has
// it.
func leadersAt(ctx context.Context, t testing.TB, k *apachekafka.Cluster, broker int, topic string) map[int32]int32 {
	t.Helper()
	client := clientOf(t, k, broker)
	defer client.Close()
	req := kmsg.NewPtrMetadataRequest()
	asked := kmsg.NewMetadataRequestTopic()
	asked.Topic = &topic
	req.Topics = append(req.Topics, asked)
	resp, err := req.RequestWith(ctx, client.SeedBrokers()[0])
	require.NoError(t, err)
	require.Len(t, resp.Topics, 1)
	leaders := map[int32]int32{}
	for _, p := range resp.Topics[0].Partitions {
		leaders[p.Partition] = p.Leader
	}
	return leaders
}

// bytesAt returns how much a broker has of the partitions that it leads,
// acknowledged or not.
func bytesAt(ctx context.Context, t testing.TB, k *apachekafka.Cluster, broker int32, topic string, leaders map[int32]int32) int64 {
	t.Helper()
	client := clientOf(t, k, int(broker))
	defer client.Close()
	dirs, err := kadm.NewClient(client).DescribeBrokerLogDirs(ctx, broker, nil)
	require.NoError(t, err)
	require.NoError(t, dirs.Error())
	total := int64(0)
	dirs.EachPartition(func(p kadm.DescribedLogDirPartition) {
		if p.Topic == topic && leaders[p.Partition] == broker {
			total += p.Size
		}
	})
	return total
}

// clientOf returns a client that knows of one broker.
func clientOf(t testing.TB, k *apachekafka.Cluster, broker int) *kgo.Client {
	t.Helper()
	client, err := k.InternalClient(kgo.SeedBrokers(k.Servers(apachekafka.ListenerInternal)[broker-1]))
	require.NoError(t, err)
	return client
}
