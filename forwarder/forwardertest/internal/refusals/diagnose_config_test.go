package refusals

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// TestDiagnose_topicConfig: each setting of the topic that is at odds with ours is
// found, and nothing else.
func TestDiagnose_topicConfig(t *testing.T) {
	const ok, warning, failed = forwarder.CheckOK, forwarder.CheckWarning, forwarder.CheckFailed
	for _, tt := range []struct {
		name, value string
		status      forwarder.CheckStatus
		found, do   string
	}{
		{
			"max.message.bytes", "999999", warning, "999999, below delivery.max_message_bytes, which is 1000000",
			"raise the topic's max.message.bytes, or lower delivery.max_message_bytes",
		},
		{"max.message.bytes", "1000000", ok, "1000000, delivery.max_message_bytes is 1000000", ""},
		{"cleanup.policy", "compact,delete", warning, "brokers refuse batches without a user id", "set the topic's cleanup.policy to delete"},
		{
			"compression.type", "gzip", warning, "gzip, delivery.compression is zstd: brokers compress everything again",
			"set the topic's compression.type to producer",
		},
		{"compression.type", "zstd", ok, "zstd", ""},
		{"message.timestamp.type", "LogAppendTime", ok, "LogAppendTime: the broker's clock counts", ""},
		{"min.insync.replicas", "1", warning, "1 of 3 replicas", "raise the topic's min.insync.replicas to 2"},
		{
			"min.insync.replicas", "4", warning, "4 of 3 replicas: brokers before Kafka 3.7 refuse every message, and these refuse all while one replica is away",
			"lower the topic's min.insync.replicas, or give the topic more replicas",
		},
	} {
		t.Run(tt.name+"="+tt.value, func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3), forwardertest.WithBrokerConfig("min.insync.replicas", "2"))
			client, err := k.Client()
			require.NoError(t, err)
			defer client.Close()
			answers, err := kadm.NewClient(client).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: tt.name, Value: &tt.value}}, "events")
			require.NoError(t, err)
			require.NoError(t, answers[0].Err)
			report := forwarder.Diagnose(t.Context(), k.Settings())
			c := check(t, report, "topic config", tt.name)
			assert.Equal(t, tt.status, c.Status)
			assert.Equal(t, tt.status, report.Status(), report)
			assert.Contains(t, c.Found, tt.found)
			assert.Contains(t, c.Do, tt.do)
		})
	}
}

// TestDiagnose_config: what the embedded Kafka does not have.
func TestDiagnose_config(t *testing.T) {
	const topic, broker = "topic config", "broker config"
	for _, tt := range []struct {
		step, name, value string
		status            forwarder.CheckStatus
		found             string
	}{
		{topic, "message.timestamp.before.max.ms", "9223372036854775807", forwarder.CheckOK, "no limit"},
		{topic, "message.timestamp.before.max.ms", "3600000", forwarder.CheckWarning, "1h0m0s: messages that have waited longer are refused"},
		{topic, "message.timestamp.after.max.ms", "3600000", forwarder.CheckOK, "1h0m0s"},
		{topic, "message.timestamp.after.max.ms", "1000", forwarder.CheckWarning, "1s: messages are refused when this host's clock is further ahead"},
		{broker, "producer.id.expiration.ms", "86400000", forwarder.CheckOK, "24h0m0s"},
		{broker, "producer.id.expiration.ms", "60000", forwarder.CheckWarning, "1m0s: what is tried again after that may be written twice"},
		{topic, "max.message.bytes", "many", forwarder.CheckSkipped, "many is not understood"},
	} {
		t.Run(tt.name+"="+tt.value, func(t *testing.T) {
			t.Parallel()
			s := startDevious(t, "", answers{kmsg.DescribeConfigs: described(map[string]string{tt.name: tt.value})})
			c := check(t, forwarder.Diagnose(t.Context(), s), tt.step, tt.name)
			assert.Equal(t, tt.status, c.Status)
			assert.Equal(t, tt.found, c.Found)
			assert.Equal(t, tt.status == forwarder.CheckWarning, c.Do != "")
		})
	}
	t.Run("not granted", func(t *testing.T) {
		t.Parallel()
		report := forwarder.Diagnose(t.Context(), startDevious(t, "", answers{kmsg.DescribeConfigs: notGranted}))
		c := check(t, report, topic, "")
		assert.Equal(t, forwarder.CheckSkipped, c.Status)
		assert.Equal(t, "the user may not see it", c.Found)
		assert.Equal(t, `grant DESCRIBE_CONFIGS on topic "events" to have it checked`, c.Do)
		assert.Equal(t, "grant DESCRIBE_CONFIGS on the cluster to have it checked", check(t, report, broker, "").Do)
		assert.Equal(t, forwarder.CheckOK, check(t, report, "producer id", "").Status)
	})
}

// described answers a question for configurations with these values.
func described(values map[string]string) func(kmsg.Request) kmsg.Response {
	return answering(func(req *kmsg.DescribeConfigsRequest, resp *kmsg.DescribeConfigsResponse) {
		for _, asked := range req.Resources {
			r := kmsg.NewDescribeConfigsResponseResource()
			r.ResourceType, r.ResourceName = asked.ResourceType, asked.ResourceName
			for name, value := range values {
				c := kmsg.NewDescribeConfigsResponseResourceConfig()
				c.Name, c.Value = name, &value
				r.Configs = append(r.Configs, c)
			}
			resp.Resources = append(resp.Resources, r)
		}
	})
}

var notGranted = answering(func(req *kmsg.DescribeConfigsRequest, resp *kmsg.DescribeConfigsResponse) {
	r := kmsg.NewDescribeConfigsResponseResource()
	r.ResourceType, r.ErrorCode = req.Resources[0].ResourceType, kerr.TopicAuthorizationFailed.Code
	if r.ResourceType == kmsg.ConfigResourceTypeBroker {
		r.ErrorCode = kerr.ClusterAuthorizationFailed.Code
	}
	resp.Resources = append(resp.Resources, r)
})
