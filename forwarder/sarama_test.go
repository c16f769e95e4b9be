package forwarder

import (
	"io"
	"log"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/forwarder/internal/deliver"
	"github.com/eventferry/eventferry/settings"
)

// configured is the configuration for s, which need not name servers or topic.
func configured(t *testing.T, s settings.Settings, opts ...Option) *sarama.Config {
	t.Helper()
	var o options
	for _, opt := range opts {
		opt.apply(&o)
	}
	s.BootstrapServers, s.TopicName = "b1:9093", "events"
	p, err := newProbe(s, o)
	require.NoError(t, err)
	cfg, err := p.configure()
	require.NoError(t, err)
	return cfg
}

// assertNeverLoses checks what the delivery contract rests on.
func assertNeverLoses(t *testing.T, cfg *sarama.Config) {
	t.Helper()
	assert.True(t, cfg.Producer.Idempotent)
	assert.Equal(t, sarama.WaitForAll, cfg.Producer.RequiredAcks)
	assert.Equal(t, 1, cfg.Net.MaxOpenRequests)
	assert.Equal(t, 2, cfg.Producer.Transaction.Retry.Max)
	assert.True(t, cfg.Producer.Return.Successes)
	assert.True(t, cfg.Producer.Return.Errors)
	assert.Empty(t, cfg.Producer.Transaction.ID)
	assert.Empty(t, cfg.Producer.Interceptors)
	assert.Zero(t, cfg.Producer.Flush.Messages, "only time makes messages wait")
	assert.Zero(t, cfg.Producer.Flush.Bytes, "only time makes messages wait")
	assert.False(t, cfg.Metadata.AllowAutoTopicCreation)
	assert.False(t, cfg.Metadata.Full, "other topics are none of ours")
	assert.True(t, cfg.ApiVersionsRequest)
	assert.True(t, cfg.Net.Proxy.Enable)
	assert.IsType(t, &dialer{}, cfg.Net.Proxy.Dialer, "every connection is verified TLS")
	assert.NoError(t, cfg.Validate())
}

func TestSaramaConfig(t *testing.T) {
	cfg := configured(t, settings.Settings{})
	assertNeverLoses(t, cfg)
	assert.Equal(t, "eventferry", cfg.ClientID)
	assert.Equal(t, 1_000_000, cfg.Producer.MaxMessageBytes)
	assert.Zero(t, cfg.Producer.Flush.Frequency)
	assert.Equal(t, sarama.CompressionZSTD, cfg.Producer.Compression)
	assert.Equal(t, 1, cfg.Producer.CompressionLevel)
	assert.False(t, cfg.Net.SASL.Enable)

	cfg = configured(t, settings.Settings{Delivery: settings.Delivery{
		ClientID: "checkout", Linger: 5 * time.Millisecond, MaxMessageBytes: 2_000_000, Compression: settings.Gzip, CompressionLevel: 9,
	}})
	assertNeverLoses(t, cfg)
	assert.Equal(t, "checkout", cfg.ClientID)
	assert.Equal(t, 5*time.Millisecond, cfg.Producer.Flush.Frequency)
	assert.Equal(t, 2_000_000, cfg.Producer.MaxMessageBytes)
	assert.Equal(t, sarama.CompressionGZIP, cfg.Producer.Compression)
	assert.Equal(t, 9, cfg.Producer.CompressionLevel)
}

func TestSaramaConfig_codecs(t *testing.T) {
	for name, want := range map[settings.Compression]sarama.CompressionCodec{
		settings.NoCompression: sarama.CompressionNone,
		settings.Gzip:          sarama.CompressionGZIP,
		settings.Snappy:        sarama.CompressionSnappy,
		settings.LZ4:           sarama.CompressionLZ4,
		settings.Zstd:          sarama.CompressionZSTD,
	} {
		cfg := configured(t, settings.Settings{Delivery: settings.Delivery{Compression: name}})
		assert.Equal(t, want, cfg.Producer.Compression, name)
	}
}

// TestSaramaConfig_patience: the retries last for an outage of six hours.
func TestSaramaConfig_patience(t *testing.T) {
	cfg := configured(t, settings.Settings{})
	for name, retry := range map[string]struct {
		most  int
		pause func(int, int) time.Duration
	}{
		"producer": {cfg.Producer.Retry.Max, cfg.Producer.Retry.BackoffFunc},
		"metadata": {cfg.Metadata.Retry.Max, cfg.Metadata.Retry.BackoffFunc},
	} {
		var total time.Duration
		for attempt := range retry.most {
			p := retry.pause(attempt, retry.most)
			require.Positive(t, p)
			require.LessOrEqual(t, p, longestPause)
			total += p
		}
		assert.GreaterOrEqual(t, total, 6*time.Hour, name)
		assert.Equal(t, firstPause, retry.pause(0, retry.most), name)
	}
}

// TestSaramaConfig_sizes: Sarama never refuses a message that we let pass.
func TestSaramaConfig_sizes(t *testing.T) {
	const recordBatches = 2 // the format, in which the largest estimate is made
	limit := configured(t, settings.Settings{}).Producer.MaxMessageBytes
	for _, part := range []string{"", "1/2", "12345/12345"} {
		m := deliver.Message{Key: []byte("-9223372036854775808"), Part: part}
		m.Value = make([]byte, limit-m.Size())
		require.Equal(t, limit, m.Size())
		p := &sarama.ProducerMessage{Key: sarama.ByteEncoder(m.Key), Value: sarama.ByteEncoder(m.Value)}
		if part != "" {
			p.Headers = []sarama.RecordHeader{{Key: []byte(deliver.PartHeader), Value: []byte(part)}}
		}
		assert.LessOrEqual(t, p.ByteSize(recordBatches), limit)
	}
}

// TestSaramaConfig_authenticator: of what an authenticator does, Net.SASL
// counts, and nothing else.
func TestSaramaConfig_authenticator(t *testing.T) {
	hostile := auth.Func(func(cfg *sarama.Config) error {
		assert.True(t, cfg.Net.TLS.Enable, "an authenticator may insist on TLS")
		sasl := cfg.Net.SASL
		*cfg = sarama.Config{}
		cfg.Net.SASL = sasl
		cfg.Net.SASL.Enable = true
		cfg.Net.SASL.User, cfg.Net.SASL.Password = "u", "p"
		cfg.Net.SASL.Version = sarama.SASLHandshakeV1
		cfg.Net.MaxOpenRequests = 5
		cfg.Producer.RequiredAcks = sarama.NoResponse
		cfg.Producer.Idempotent = false
		cfg.Metadata.AllowAutoTopicCreation = true
		cfg.Version = sarama.V0_8_2_0
		return nil
	})
	cfg := configured(t, settings.Settings{}, WithAuthenticator(hostile))
	assertNeverLoses(t, cfg)
	assert.Equal(t, "u", cfg.Net.SASL.User)
	assert.Equal(t, sarama.V3_7_0_0, cfg.Version)

	plain := configured(t, settings.Settings{})
	cfg.Net.SASL = plain.Net.SASL
	assert.Equal(t, fields(plain), fields(cfg))
}

// fields is cfg without what is never equal.
func fields(cfg *sarama.Config) sarama.Config {
	c := *cfg
	c.Net.Proxy.Dialer, c.MetricRegistry = nil, nil
	c.Metadata.Retry.BackoffFunc, c.Producer.Retry.BackoffFunc = nil, nil
	c.Producer.Partitioner = nil
	c.Consumer.Group.Rebalance.GroupStrategies = nil
	return c
}

// TestSarama_globals: what Sarama keeps for the whole process belongs to the
// program.
//
//nolint:forbidigo // nothing but this test may
func TestSarama_globals(t *testing.T) {
	logger := log.New(io.Discard, "", 0)
	before := sarama.Logger
	debug := sarama.DebugLogger
	t.Cleanup(func() { sarama.Logger, sarama.DebugLogger = before, debug })
	sarama.Logger, sarama.DebugLogger = logger, logger
	request, response := sarama.MaxRequestSize, sarama.MaxResponseSize

	ca := newAuthority(t, "Our CA")
	f, err := New(t.Context(), settings.Settings{
		BootstrapServers: closedPort(t), TopicName: "events", TLS: settings.TLS{CAFile: ca.file},
	}, WithoutProbe())
	require.NoError(t, err)
	require.NoError(t, f.Close())

	assert.Same(t, logger, sarama.Logger)
	assert.Same(t, logger, sarama.DebugLogger)
	assert.Nil(t, sarama.PanicHandler)
	assert.Equal(t, request, sarama.MaxRequestSize)
	assert.Equal(t, response, sarama.MaxResponseSize)
}
