//go:build unix

package cost

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/forwarder/internal/deliver"
	"github.com/eventferry/eventferry/partition"
	"github.com/eventferry/eventferry/settings"
)

// newProducer starts the producer that a forwarder with these settings has.
func newProducer(b *testing.B, s settings.Settings) deliver.Producer {
	s = s.WithDefaults()
	tc, err := s.TLS.Config()
	require.NoError(b, err)
	cfg := sarama.NewConfig()
	cfg.Version = sarama.V3_7_0_0
	cfg.Net.TLS.Enable = true
	scram := &auth.SCRAM{UserName: s.UserName, Password: s.Password}
	require.NoError(b, scram.Apply(cfg))
	cfg.Net.TLS.Enable = false // connections come from the dialer with TLS on them
	cfg.Net.Proxy.Enable, cfg.Net.Proxy.Dialer = true, &tls.Dialer{Config: tc}
	cfg.Net.MaxOpenRequests = 1
	cfg.Metadata.Full, cfg.Metadata.AllowAutoTopicCreation = false, false
	cfg.Producer.Idempotent, cfg.Producer.RequiredAcks = true, sarama.WaitForAll
	cfg.Producer.Partitioner = sarama.NewManualPartitioner
	cfg.Producer.Retry.BackoffFunc = func(int, int) time.Duration { return 100 * time.Millisecond }
	cfg.Producer.Return.Successes = true
	cfg.Producer.MaxMessageBytes = s.Delivery.MaxMessageBytes
	cfg.Producer.Compression, cfg.Producer.CompressionLevel = sarama.CompressionZSTD, s.Delivery.CompressionLevel
	p, err := deliver.NewAsync(deliver.AsyncConfig{
		Servers: s.Servers(), Topic: s.TopicName, Sarama: cfg, Partitioner: partition.ByUser(nil)(s.TopicName),
	})
	require.NoError(b, err)
	b.Cleanup(func() { _ = p.Close() })
	return p
}

// A waiter is one caller of the seam. It takes as little as a caller can.
type waiter chan deliver.Result

// Settle implements [deliver.Settler].
func (w waiter) Settle(_ int, r deliver.Result) { w <- r }

// deliverAll submits ready-made messages one by one and waits for all.
func (w waiter) deliverAll(p deliver.Producer, messages []deliver.Message) error {
	for i := range messages {
		p.Submit(&deliver.Group{Messages: messages[i : i+1 : i+1], Owner: w})
	}
	var failed error
	for range messages {
		if r := <-w; r.Err != nil {
			failed = r.Err
		}
	}
	return failed
}
