package saramaconfig

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/settings"
)

// A noDialer is never used: nothing here connects.
type noDialer struct{}

func (noDialer) Dial(string, string) (net.Conn, error) { return nil, errors.New("not here") }

// configured is the configuration for s, which need not name servers or topic.
func configured(t *testing.T, s settings.Settings, a auth.Authenticator) *sarama.Config {
	t.Helper()
	cfg, err := Config(s.WithDefaults(), noDialer{}, a)
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
	assert.Equal(t, noDialer{}, cfg.Net.Proxy.Dialer, "every connection is verified TLS")
	assert.NoError(t, cfg.Validate())
}

func TestConfig(t *testing.T) {
	cfg := configured(t, settings.Settings{}, nil)
	assertNeverLoses(t, cfg)
	assert.Equal(t, "eventferry", cfg.ClientID)
	assert.Equal(t, 1_000_000, cfg.Producer.MaxMessageBytes)
	assert.Zero(t, cfg.Producer.Flush.Frequency)
	assert.Equal(t, sarama.CompressionZSTD, cfg.Producer.Compression)
	assert.Equal(t, 1, cfg.Producer.CompressionLevel)
	assert.False(t, cfg.Net.SASL.Enable)

	cfg = configured(t, settings.Settings{Delivery: settings.Delivery{
		ClientID: "checkout", Linger: 5 * time.Millisecond, MaxMessageBytes: 2_000_000, Compression: settings.Gzip, CompressionLevel: 9,
	}}, nil)
	assertNeverLoses(t, cfg)
	assert.Equal(t, "checkout", cfg.ClientID)
	assert.Equal(t, 5*time.Millisecond, cfg.Producer.Flush.Frequency)
	assert.Equal(t, 2_000_000, cfg.Producer.MaxMessageBytes)
	assert.Equal(t, sarama.CompressionGZIP, cfg.Producer.Compression)
	assert.Equal(t, 9, cfg.Producer.CompressionLevel)
}

// What Sarama refuses, Config does.
func TestConfig_wrong(t *testing.T) {
	s := settings.Settings{Delivery: settings.Delivery{Compression: settings.Gzip, CompressionLevel: 10}}
	_, err := Config(s.WithDefaults(), noDialer{}, nil)
	require.ErrorContains(t, err, "configuring the producer: ")
}

// Sarama never refuses a message that we let pass.
func TestConfig_sizes(t *testing.T) {
	const recordBatches = 2 // the format, in which the largest estimate is made
	limit := configured(t, settings.Settings{}, nil).Producer.MaxMessageBytes
	for i, part := range []string{"", "1/2", "12345/12345"} {
		m := producer.Message{Key: []byte("-9223372036854775808"), Part: part, Headers: make([]producer.Header, 100*i)}
		m.Value = make([]byte, limit-m.Size())
		require.Equal(t, limit, m.Size())
		p := &sarama.ProducerMessage{Key: sarama.ByteEncoder(m.Key), Value: sarama.ByteEncoder(m.Value)}
		if part != "" {
			p.Headers = []sarama.RecordHeader{{Key: []byte(producer.PartHeader), Value: []byte(part)}}
		}
		p.Headers = append(p.Headers, make([]sarama.RecordHeader, 100*i)...)
		assert.LessOrEqual(t, p.ByteSize(recordBatches), limit)
	}
}
