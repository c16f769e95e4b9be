package forwardertest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

func TestFault_LimitRequests(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithTopic("t", 1))
	c := client(t, k.Settings(), append(once(), kgo.ProducerBatchCompression(kgo.NoCompression()))...)
	require.NoError(t, put(t, c, 0, strings.Repeat("a", 5000)))
	f := k.LimitRequests(2000)
	require.NoError(t, put(t, c, 0, strings.Repeat("b", 1500)))
	assert.Zero(t, f.Hits())
	require.Error(t, put(t, c, 0, strings.Repeat("c", 5000)))
	assert.Equal(t, 1, f.Hits())
	f.Stop()
	require.NoError(t, put(t, c, 0, strings.Repeat("d", 5000)))
	assert.Len(t, k.Messages(t, "t"), 3)
}

func TestFault_codecs(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithTopic("t", 2))
	with := func(codec kgo.CompressionCodec) error {
		c := client(t, k.Settings(), append(once(), kgo.ProducerBatchCompression(codec))...)
		return put(t, c, 1, strings.Repeat("a", 1000))
	}
	failed := k.FailCodecs("t", kerr.UnsupportedForMessageFormat.Code, settings.Zstd, settings.Snappy)
	closed := k.CloseOnCodecs(settings.LZ4)
	require.ErrorIs(t, with(kgo.ZstdCompression()), kerr.UnsupportedForMessageFormat)
	require.ErrorIs(t, with(kgo.SnappyCompression()), kerr.UnsupportedForMessageFormat)
	require.Error(t, with(kgo.Lz4Compression()))
	require.NoError(t, with(kgo.GzipCompression()))
	require.NoError(t, with(kgo.NoCompression()))
	assert.Equal(t, 2, failed.Hits())
	assert.Equal(t, 1, closed.Hits())
	failed.Stop()
	closed.Stop()
	require.NoError(t, with(kgo.ZstdCompression()))
	require.NoError(t, with(kgo.Lz4Compression()))
}

func TestFault_ForgetProducerIDs(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithTopic("t", 2))
	idempotent := func() *kgo.Client { return client(t, k.Settings(), kgo.RecordRetries(0)) }
	old := idempotent()
	require.NoError(t, put(t, old, 0, "a"))
	f := k.ForgetProducerIDs("t", kerr.InvalidProducerIDMapping.Code)
	require.Error(t, put(t, old, 0, "b"))
	require.NoError(t, put(t, idempotent(), 1, "c"), "a new id")
	assert.Equal(t, 1, f.Hits())
	assert.Equal(t, []string{"a", "c"}, values(k.Messages(t, "t")))
}

func TestFault_ShiftClock(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithTopic("t", 1))
	c := client(t, k.Settings(), once()...)
	f := k.ShiftClock("t", -2*time.Hour, 1)
	require.ErrorIs(t, put(t, c, 0, "a"), kerr.InvalidTimestamp)
	require.NoError(t, put(t, c, 0, "b"), "once")
	assert.Equal(t, 1, f.Hits())
	f = k.ShiftClock("t", -50*time.Minute, forwardertest.UntilStopped)
	require.NoError(t, put(t, c, 0, "c"), "within an hour")
	assert.Zero(t, f.Hits())
}

// leaders returns what a broker says about who leads a topic's partitions.
func leaders(t *testing.T, k *forwardertest.Kafka, topic string, broker int) map[int32]int32 {
	t.Helper()
	c, err := k.Client()
	require.NoError(t, err)
	defer c.Close()
	req := kmsg.NewPtrMetadataRequest()
	asked := kmsg.NewMetadataRequestTopic()
	asked.Topic = &topic
	req.Topics = append(req.Topics, asked)
	resp, err := req.RequestWith(t.Context(), c.Broker(broker))
	require.NoError(t, err)
	require.Len(t, resp.Topics, 1)
	all := map[int32]int32{}
	for _, p := range resp.Topics[0].Partitions {
		all[p.Partition] = p.Leader
	}
	return all
}

func TestFault_CutOff(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3), forwardertest.WithTopic("t", 6))
	before := map[int32]int32{0: 0, 1: 1, 2: 2, 3: 0, 4: 1, 5: 2}
	after := map[int32]int32{0: 1, 1: 1, 2: 2, 3: 2, 4: 1, 5: 2}
	require.Equal(t, before, leaders(t, k, "t", 0))
	f, err := k.CutOff("t", 0)
	require.NoError(t, err)
	assert.Equal(t, before, leaders(t, k, "t", 0))
	assert.Equal(t, after, leaders(t, k, "t", 1))

	c, err := k.Client()
	require.NoError(t, err)
	defer c.Close()
	write := func(broker int, partition int32) error {
		req := kmsg.NewPtrProduceRequest()
		req.Acks = -1
		topic := kmsg.NewProduceRequestTopic()
		topic.Topic = "t"
		p := kmsg.NewProduceRequestTopicPartition()
		p.Partition = partition
		p.Records = []byte{}
		topic.Partitions = append(topic.Partitions, p)
		req.Topics = append(req.Topics, topic)
		resp, err := req.RequestWith(t.Context(), c.Broker(broker))
		require.NoError(t, err)
		return kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode)
	}
	require.ErrorIs(t, write(0, 3), kerr.RequestTimedOut)
	require.ErrorIs(t, write(0, 1), kerr.NotLeaderForPartition)
	assert.Equal(t, 1, f.Hits())
	f.Stop()
	assert.Equal(t, after, leaders(t, k, "t", 0))
	require.ErrorIs(t, write(0, 3), kerr.NotLeaderForPartition)
}

func TestFault_ThrottleAnswers(t *testing.T) {
	k := forwardertest.NewKafka(t)
	c, err := k.Client()
	require.NoError(t, err)
	defer c.Close()
	ask := func(ctx context.Context) (int32, error) {
		resp, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, c.Broker(0))
		if err != nil {
			return 0, err
		}
		return resp.ThrottleMillis, nil
	}
	ms, err := ask(t.Context())
	require.NoError(t, err)
	assert.Zero(t, ms)
	f := k.ThrottleAnswers(forwardertest.Metadata, time.Hour)
	ms, err = ask(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, time.Hour.Milliseconds(), ms)
	assert.Equal(t, 1, f.Hits())

	// The client waits by itself; so does a broker for one that does not.
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = ask(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Equal(t, 1, f.Hits())
}

func TestKafka_IdleTimeout(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithTopic("t", 1), forwardertest.WithIdleTimeout(100*time.Millisecond))
	c := client(t, k.Settings())
	require.NoError(t, put(t, c, 0, "a"))
	assert.Eventually(t, func() bool { return k.Connections() == 0 }, 30*time.Second, time.Millisecond)
	assert.Positive(t, k.IdleClosed())
	require.NoError(t, put(t, c, 0, "b"))
	assert.Equal(t, []string{"a", "b"}, values(k.Messages(t, "t")))
}

func TestKafka_MaxVersion(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithMaxVersion(forwardertest.Produce, 7),
		forwardertest.WithMaxVersion(forwardertest.InitProducerID, -1))
	c, err := k.Client()
	require.NoError(t, err)
	defer c.Close()
	resp, err := kmsg.NewPtrApiVersionsRequest().RequestWith(t.Context(), c)
	require.NoError(t, err)
	known := map[int16]int16{}
	for _, key := range resp.ApiKeys {
		known[key.ApiKey] = key.MaxVersion
	}
	assert.EqualValues(t, 7, known[int16(forwardertest.Produce)])
	assert.NotContains(t, known, int16(forwardertest.InitProducerID))
}
