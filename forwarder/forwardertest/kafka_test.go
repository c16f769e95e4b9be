package forwardertest_test

import (
	"context"
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// client connects with s, as a user's program would.
func client(t *testing.T, s settings.Settings, more ...kgo.Opt) *kgo.Client {
	t.Helper()
	opts, err := forwardertest.ClientOptions(s)
	require.NoError(t, err)
	c, err := kgo.NewClient(append(append(opts, kgo.DefaultProduceTopic(s.TopicName), kgo.RecordPartitioner(kgo.ManualPartitioner())), more...)...)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// put writes a message to a partition, within a minute.
func put(t *testing.T, c *kgo.Client, partition int32, value string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return c.ProduceSync(ctx, &kgo.Record{Partition: partition, Value: []byte(value)}).FirstErr()
}

func values(messages []forwardertest.Message) []string {
	var vs []string
	for _, m := range messages {
		vs = append(vs, string(m.Value))
	}
	return vs
}

func TestKafka_everyMethod(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithTopic("t", 3))
	for _, m := range []settings.Method{settings.Plain, settings.SCRAMSHA256, settings.SCRAMSHA512} {
		require.NoError(t, put(t, client(t, k.SettingsFor(m)), 1, string(m)), m)
	}
	assert.Equal(t, []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}, values(k.Messages(t, "t")))
}

func TestKafka_messages(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithTopic("t", 2), forwardertest.WithTopic("other", 1))
	at := time.UnixMilli(1_700_000_000_123)
	records := []*kgo.Record{
		{Partition: 1, Key: nil, Value: []byte("a"), Timestamp: at},
		{Partition: 1, Key: []byte{}, Value: []byte("b"), Timestamp: at},
		{Partition: 0, Key: []byte("7"), Value: []byte("c"), Timestamp: at, Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("1")}, {Key: "h", Value: []byte("2")}}},
	}
	for _, r := range records {
		require.NoError(t, client(t, k.Settings()).ProduceSync(t.Context(), r).FirstErr())
	}
	got := k.Messages(t, "t")
	for i := range got {
		assert.True(t, at.Equal(got[i].Timestamp))
		got[i].Timestamp = time.Time{}
	}
	assert.Equal(t, []forwardertest.Message{
		{Partition: 0, Offset: 0, Key: []byte("7"), Value: []byte("c"), Headers: []forwardertest.Header{{Key: "h", Value: []byte("1")}, {Key: "h", Value: []byte("2")}}},
		{Partition: 1, Offset: 0, Key: nil, Value: []byte("a")},
		{Partition: 1, Offset: 1, Key: []byte{}, Value: []byte("b")},
	}, got)
	assert.Empty(t, k.Messages(t, "other"))

	s := k.Settings()
	s.TopicName = "missing"
	_, err := forwardertest.Read(t.Context(), s)
	assert.ErrorIs(t, err, kerr.UnknownTopicOrPartition)
}

func TestKafka_refuses(t *testing.T) {
	other, err := forwardertest.NewCA()
	require.NoError(t, err)
	wrongPassword := func(s settings.Settings) settings.Settings {
		s.Password = settings.NewSecret("wrong")
		return s
	}
	for _, tc := range []struct {
		name   string
		opts   []forwardertest.KafkaOption
		change func(settings.Settings) settings.Settings
		want   error
		text   string
	}{
		{"wrong password PLAIN", nil, func(s settings.Settings) settings.Settings {
			s.AuthenticationMethod = settings.Plain
			return wrongPassword(s)
		}, kerr.SaslAuthenticationFailed, "Invalid username or password"},
		{"wrong password SCRAM", nil, wrongPassword, kerr.SaslAuthenticationFailed, "invalid credentials with SASL mechanism SCRAM-SHA-512"},
		{"unknown user", nil, func(s settings.Settings) settings.Settings {
			s.UserName = "nobody"
			return s
		}, kerr.SaslAuthenticationFailed, "invalid credentials with SASL mechanism SCRAM-SHA-512"},
		{"method off", []forwardertest.KafkaOption{forwardertest.WithMethods(settings.Plain, settings.SCRAMSHA256)}, func(s settings.Settings) settings.Settings {
			s.AuthenticationMethod = settings.SCRAMSHA512
			return s
		}, kerr.UnsupportedSaslMechanism, ""},
		{"expired", []forwardertest.KafkaOption{forwardertest.WithCertificate(forwardertest.WithCertExpired())}, nil, nil, "expired"},
		{"other authority", []forwardertest.KafkaOption{forwardertest.WithIssuer(other)}, nil, nil, "unknown authority"},
		{"old TLS", []forwardertest.KafkaOption{forwardertest.WithTLS(func(c *tls.Config) {
			c.MinVersion, c.MaxVersion = tls.VersionTLS11, tls.VersionTLS11
		})}, nil, nil, "protocol version"},
		{"no client certificate", []forwardertest.KafkaOption{forwardertest.WithClientCertificates()}, func(s settings.Settings) settings.Settings {
			s.TLS.CertFile, s.TLS.KeyFile = "", ""
			return s
		}, nil, ""},
		{"plaintext", []forwardertest.KafkaOption{forwardertest.WithoutTLS()}, nil, nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k := forwardertest.NewKafka(t, tc.opts...)
			s := k.Settings()
			if tc.change != nil {
				s = tc.change(s)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err := client(t, s, kgo.RequestRetries(0)).Ping(ctx)
			require.Error(t, err)
			assert.NotErrorIs(t, err, context.DeadlineExceeded)
			assert.ErrorContains(t, err, tc.text)
			if tc.want != nil {
				assert.ErrorIs(t, err, tc.want)
			}
		})
	}
}

func TestKafka_tls(t *testing.T) {
	for name, opts := range map[string][]forwardertest.KafkaOption{
		"without SASL":            {forwardertest.WithMethods()},
		"with client certificate": {forwardertest.WithMethods(), forwardertest.WithClientCertificates()},
		"other user":              {forwardertest.WithUser("u,=", "päss,=")},
	} {
		t.Run(name, func(t *testing.T) {
			k := forwardertest.NewKafka(t, opts...)
			require.NoError(t, put(t, client(t, k.Settings()), 0, "v"))
			assert.Equal(t, []string{"v"}, values(k.Messages(t, "events")))
		})
	}
}

func TestKafka_topics(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
	require.NoError(t, k.CreateTopic("more", 2))
	assert.Equal(t, 1, k.Leader("more", 1))
	assert.Equal(t, -1, k.Leader("more", 2))
	require.NoError(t, k.AddPartitions(t.Context(), "more", 4))
	assert.NotEqual(t, -1, k.Leader("more", 3))
	require.NoError(t, k.DeleteTopic("more"))
	assert.Equal(t, -1, k.Leader("more", 0))
	assert.Error(t, k.DeleteTopic("more"))
}

func TestKafka_SetPassword(t *testing.T) {
	k := forwardertest.NewKafka(t)
	before := client(t, k.Settings(), kgo.RequestRetries(0))
	require.NoError(t, before.Ping(t.Context()))
	require.NoError(t, k.SetPassword(t.Context(), "new"))
	require.NoError(t, before.Ping(t.Context()), "a connection stays")
	assert.ErrorIs(t, client(t, k.Settings(), kgo.RequestRetries(0)).Ping(t.Context()), kerr.SaslAuthenticationFailed)
	s := k.Settings()
	s.Password = settings.NewSecret("new")
	assert.NoError(t, client(t, s).Ping(t.Context()))
}

// TestKafka_transactions: a partition that ends with a marker has an end, too.
func TestKafka_transactions(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithTopic("t", 1))
	c := client(t, k.Settings(), kgo.TransactionalID("id"))
	require.NoError(t, c.BeginTransaction())
	require.NoError(t, put(t, c, 0, "v"))
	require.NoError(t, c.EndTransaction(t.Context(), kgo.TryCommit))
	assert.Equal(t, []string{"v"}, values(k.Messages(t, "t")))
}

func TestKafka_brokerConfig(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithBrokerConfig("message.max.bytes", "1000"))
	c := client(t, k.Settings(), kgo.ProducerBatchCompression(kgo.NoCompression()))
	require.NoError(t, put(t, c, 0, strings.Repeat("v", 500)))
	assert.ErrorIs(t, put(t, c, 0, strings.Repeat("v", 1500)), kerr.MessageTooLarge)
}

func TestKafka_Close(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	k, err := forwardertest.StartKafka(forwardertest.WithBrokers(2))
	require.NoError(t, err)
	s := k.Settings()
	c := client(t, s)
	defer c.Close() // after Kafka has gone
	require.NoError(t, put(t, c, 0, "v"))
	require.NoError(t, put(t, c, 1, "v"))
	k.Unreachable(0)
	k.Silence(1)
	k.Close()
	k.Close()
	assert.NoFileExists(t, s.TLS.CAFile)
	assert.Zero(t, k.Connections())
	assert.Equal(t, -1, k.Leader("events", 0))
	assert.Error(t, k.MoveLeader("events", 0, 1))
}

func TestStartKafka_mistakes(t *testing.T) {
	for name, opt := range map[string]forwardertest.KafkaOption{
		"no broker":    forwardertest.WithBrokers(0),
		"no partition": forwardertest.WithTopic("t", 0),
		"topic name":   forwardertest.WithTopic("a b", 1),
		"no user":      forwardertest.WithUser("", ""),
		"method":       forwardertest.WithMethods("MD5"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := forwardertest.StartKafka(opt)
			assert.ErrorContains(t, err, "forwardertest: starting Kafka: ")
		})
	}
}
