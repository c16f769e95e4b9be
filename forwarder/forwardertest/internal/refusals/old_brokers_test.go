package refusals

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// TestRefused_oldBrokers: brokers that cannot write what they would be sent are
// refused at the start, and not waited for.
func TestRefused_oldBrokers(t *testing.T) {
	zstd := `forwarder: SERVER cannot read zstd, which needs Kafka 2.1 or newer: set delivery.compression to none, gzip, snappy or lz4: ` +
		sarama.ErrUnsupportedCompressionType.Error()
	old := `forwarder: SERVER has no idempotent producer: needs Kafka 0.11 or newer: ` + sarama.ErrUnsupportedVersion.Error()
	for name, tt := range map[string]struct {
		request forwardertest.Request
		version int16
		change  func(*settings.Settings)
		want    string // "": not refused
	}{
		"before Kafka 2.1":       {forwardertest.Produce, 6, nil, zstd},
		"before Kafka 2.1, gzip": {forwardertest.Produce, 6, func(s *settings.Settings) { s.Delivery.Compression = settings.Gzip }, ""},
		"before Kafka 0.11":      {forwardertest.InitProducerID, -1, nil, old},
		"before Kafka 1.0": {
			forwardertest.SASLAuthenticate, -1, nil,
			`forwarder: SERVER is older than Kafka 1.0 and cannot authenticate users in Kafka's protocol: needs Kafka 1.0 or newer: `,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t, forwardertest.WithMaxVersion(tt.request, tt.version))
			s := k.Settings()
			if tt.change != nil {
				tt.change(&s)
			}
			if tt.want != "" {
				refused(t, s, tt.want)
				assert.Eventually(t, func() bool { return k.Connections() == 0 }, time.Minute, 10*time.Millisecond)
				return
			}
			f, err := forwarder.New(t.Context(), s)
			require.NoError(t, err)
			assert.NoError(t, f.Close())
		})
	}
}

// TestRefused_producerID: a broker that gives no producer id for good is refused.
func TestRefused_producerID(t *testing.T) {
	const old = `forwarder: SERVER gives no producer id: needs Kafka 0.11 or newer: `
	for code, want := range map[sarama.KError]string{
		sarama.ErrUnsupportedVersion:                 old,
		sarama.ErrTransactionalIDAuthorizationFailed: old,
		sarama.ErrClusterAuthorizationFailed: `forwarder: SERVER does not let user "mparticle" write idempotently: ` +
			`grant it the operation WRITE on topic "events", and before Kafka 2.8 IDEMPOTENT_WRITE on the cluster: `,
	} {
		t.Run(code.Error(), func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t)
			k.Fail(forwardertest.InitProducerID, int16(code), forwardertest.UntilStopped)
			refused(t, k.Settings(), want+code.Error(), code)
		})
	}
	t.Run("closed", func(t *testing.T) {
		t.Parallel()
		k := forwardertest.NewKafka(t)
		k.LoseAnswers(forwardertest.InitProducerID, forwardertest.UntilStopped)
		refused(t, k.Settings(), `forwarder: SERVER closed the connection when asked for a producer id: needs Kafka 0.11 or newer: `)
	})
	t.Run("not yet", func(t *testing.T) {
		t.Parallel()
		k := forwardertest.NewKafka(t)
		k.Fail(forwardertest.InitProducerID, int16(sarama.ErrOffsetsLoadInProgress), 2)
		f, err := forwarder.New(t.Context(), k.Settings())
		require.NoError(t, err)
		assert.NoError(t, f.Close())
	})
}

// TestReached_newTopic: a topic that is created while New runs is found, also by
// a broker that the only bootstrap server has named.
func TestReached_newTopic(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
	s := k.Settings()
	s.TopicName = "new"
	s.BootstrapServers = k.Servers()[0]
	missing := k.Fail(forwardertest.Metadata, int16(sarama.ErrUnknownTopicOrPartition), 3)
	require.NoError(t, k.CreateTopic("new", 3))
	f, err := forwarder.New(t.Context(), s)
	require.NoError(t, err)
	assert.NoError(t, f.Close())
	assert.Equal(t, 3, missing.Hits())
}

// TestReached_newTopicElsewhere: a topic that the only bootstrap server does not
// know is asked for at the brokers that it names.
func TestReached_newTopicElsewhere(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3), forwardertest.WithTopic("new", 3))
	s := k.Settings()
	s.TopicName = "new"
	s.BootstrapServers = k.Servers()[0]
	missing := k.Fail(forwardertest.Metadata, int16(sarama.ErrUnknownTopicOrPartition), forwardertest.UntilStopped)
	var d net.Dialer
	known := forwarder.WithDialer(func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr != s.BootstrapServers {
			missing.Stop() // the others have heard of it
		}
		return d.DialContext(ctx, network, addr)
	})
	for range 5 { // a busy machine may not come to the second one in time
		f, err := forwarder.New(t.Context(), s, known)
		if err == nil {
			assert.NoError(t, f.Close())
			return
		}
		require.ErrorIs(t, err, sarama.ErrUnknownTopicOrPartition)
	}
	assert.Fail(t, "no other broker was asked")
}

// TestRunning_noProducerID: before the search for a cause has told it in another
// way, the error of a deadline says why there is no producer id.
func TestRunning_noProducerID(t *testing.T) {
	t.Parallel()
	k := forwardertest.NewKafka(t)
	defer k.LoseAnswers(forwardertest.InitProducerID, forwardertest.UntilStopped).Stop()
	r := start(t, k.Settings(), forwarder.WithoutProbe())
	const want = "getting a producer id, which needs Kafka 0.11 or newer"
	var err error
	for limit := 200 * time.Millisecond; limit < 10*time.Second; limit *= 2 { // a busy machine needs longer
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		err = r.Forward(ctx, r.batch)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		if strings.Contains(err.Error(), want) {
			break
		}
	}
	assertAdvice(t, err.Error())
	assert.ErrorContains(t, err, want)
	assert.True(t, forwarder.NothingSent(err))
}
