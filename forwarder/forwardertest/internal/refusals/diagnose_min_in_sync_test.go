package refusals

import (
	"context"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
)

// TestDiagnose_minInSyncAboveReplicas: brokers before Kafka 3.7 refuse every message,
// and later ones only while a replica is away.
func TestDiagnose_minInSyncAboveReplicas(t *testing.T) {
	const none, above = "brokers refuse what is written to partition 0", "lower the topic's min.insync.replicas, or give the topic more replicas"
	for _, tt := range []struct {
		name, release    string
		value            string
		replicas, inSync int
		status           forwarder.CheckStatus
		found, do        string
	}{
		{"one replica, before 3.7", "v3.6", "2", 1, 1, forwarder.CheckFailed, "2 of 1 replica, more than are in sync: " + none, above},
		{"one replica, since 3.7", "v3.7", "2", 1, 1, forwarder.CheckWarning, "2 of 1 replica: brokers before Kafka 3.7 refuse every message", above},
		{"all in sync, before 3.7", "v3.6", "3", 2, 2, forwarder.CheckFailed, "3 of 2 replicas, more than are in sync: " + none, above},
		{"all in sync, since 3.7", "v3.7", "3", 2, 2, forwarder.CheckWarning, "3 of 2 replicas: brokers before Kafka 3.7 refuse every message", above},
		{"one away, since 3.7", "v3.7", "3", 2, 1, forwarder.CheckFailed, "3 of 2 replicas, more than are in sync: " + none, above},
		{"enough replicas, too few in sync", "v3.7", "2", 2, 1, forwarder.CheckFailed, "2, more than are in sync: " + none, "start the brokers that are away"},
		{"enough in sync", "v3.7", "2", 3, 2, forwarder.CheckOK, "2 of 3 replicas", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var server atomic.Value
			s := startDevious(t, "", answers{
				kmsg.ApiVersions:     ofRelease(tt.release),
				kmsg.Metadata:        replicated(&server, tt.replicas, tt.inSync),
				kmsg.DescribeConfigs: described(map[string]string{"min.insync.replicas": tt.value}),
			})
			server.Store(s.BootstrapServers)
			c := check(t, forwarder.Diagnose(t.Context(), s), "topic config", "min.insync.replicas")
			assert.Equal(t, tt.status, c.Status)
			assert.Contains(t, c.Found, tt.found)
			assert.Contains(t, c.Do, tt.do)
		})
	}
}

// replicated answers for a topic of one partition, which broker 0 leads, with these
// numbers of replicas. The broker's address is known once it listens.
func replicated(server *atomic.Value, replicas, inSync int) func(kmsg.Request) kmsg.Response {
	return answering(func(req *kmsg.MetadataRequest, resp *kmsg.MetadataResponse) {
		address, _ := server.Load().(string)
		host, port, _ := net.SplitHostPort(address)
		number, _ := strconv.ParseInt(port, 10, 32)
		b := kmsg.NewMetadataResponseBroker()
		b.Host, b.Port = host, int32(number)
		resp.Brokers = append(resp.Brokers, b)
		part := kmsg.NewMetadataResponseTopicPartition()
		for id := range int32(replicas) {
			part.Replicas = append(part.Replicas, id)
		}
		part.ISR = part.Replicas[:inSync]
		topic := kmsg.NewMetadataResponseTopic()
		name := "events"
		topic.Topic, topic.Partitions = &name, append(topic.Partitions, part)
		resp.Topics = append(resp.Topics, topic)
	})
}

// minInSyncAboveReplicas: Apache Kafka of these versions delivers to a topic with fewer
// replicas than its min.insync.replicas, as Diagnose says.
func (a apache) minInSyncAboveReplicas(t *testing.T) {
	require.NoError(t, a.CreateTopic(t.Context(), "few", 1, map[string]string{"min.insync.replicas": "2"}))
	s := a.Settings("few")
	report := forwarder.Diagnose(t.Context(), s)
	c := check(t, report, "topic config", "min.insync.replicas")
	assert.Equal(t, forwarder.CheckWarning, c.Status, c.Found)
	assert.Equal(t, forwarder.CheckWarning, report.Status(), report)
	run(t, s)
	assert.Len(t, a.Messages(t, "few"), 1)
}

// TestApacheKafka_minInSyncBefore37: the last release before they did refuses every
// message, as Diagnose says.
func TestApacheKafka_minInSyncBefore37(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Apache Kafka, and -short is set")
	}
	k := apachekafka.New(t, apachekafka.WithVersion(apachekafka.Version35))
	require.NoError(t, k.CreateTopic(t.Context(), "few", 1, map[string]string{"min.insync.replicas": "2"}))
	s := k.Settings("few")
	c := check(t, forwarder.Diagnose(t.Context(), s), "topic config", "min.insync.replicas")
	assert.Equal(t, forwarder.CheckFailed, c.Status, c.Found)
	r := start(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	result := make(chan error, 1)
	r.ForwardAsync(ctx, r.batch, func(err error) { result <- err })
	require.Eventually(t, func() bool { return len(r.waited()) > 0 }, machine.Allow(30*time.Second, time.Now()), 10*time.Millisecond)
	cancel()
	assert.ErrorContains(t, <-result, "fewer replicas are in sync than min.insync.replicas: ")
	assert.Empty(t, k.Messages(t, "few"))
}
