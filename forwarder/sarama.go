package forwarder

import (
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/settings"
)

// Retries are counted by the producer, so "never give up" is a number. At the
// longest pause 4,500 attempts last more than six hours; each costs 32 bytes for
// each partition in use.
const (
	retries      = 4500
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
)

// saramaConfig is the one place where Sarama is configured. s has its defaults
// filled in, and every connection comes from d, with TLS on it.
func saramaConfig(s settings.Settings, d *dialer, a auth.Authenticator) (*sarama.Config, error) {
	cfg := sarama.NewConfig()
	cfg.ClientID = s.Delivery.ClientID
	cfg.Version = sarama.V3_7_0_0 // an upper bound: each broker is asked what it speaks
	cfg.ApiVersionsRequest = true

	cfg.Net.Proxy.Enable, cfg.Net.Proxy.Dialer = true, d
	cfg.Net.DialTimeout = dialTimeout
	cfg.Net.MaxOpenRequests = 1 // idempotence asks for it; partitions still share requests

	cfg.Metadata.Full = false // this topic only
	cfg.Metadata.AllowAutoTopicCreation = false
	cfg.Metadata.Retry.Max = retries
	cfg.Metadata.Retry.BackoffFunc = pause

	p := &cfg.Producer
	p.Idempotent = true
	p.RequiredAcks = sarama.WaitForAll
	p.Partitioner = sarama.NewManualPartitioner // the partition is chosen before the producer gets the message
	p.Return.Successes, p.Return.Errors = true, true
	p.Retry.Max = retries
	p.Retry.BackoffFunc = pause
	p.Transaction.Retry.Max = 2 // counts attempts to get a producer id; who asks for it retries
	p.Flush.Frequency = s.Delivery.Linger
	// Bounds a message, which Sarama counts at less than we do, and the
	// messages of a partition that gather in a request, before compression.
	p.MaxMessageBytes = s.Delivery.MaxMessageBytes
	if err := compress(cfg, s.Delivery); err != nil {
		return nil, err
	}

	if err := authenticate(cfg, a); err != nil {
		return nil, err
	}
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configuring the producer: %w", err)
	}
	return cfg, nil
}

// compress sets codec and level. The names are the ones Sarama has, too.
func compress(cfg *sarama.Config, d settings.Delivery) error {
	if err := cfg.Producer.Compression.UnmarshalText([]byte(d.Compression)); err != nil {
		return &settings.FieldError{Field: "delivery.compression", Value: string(d.Compression), Reason: "unknown codec"}
	}
	cfg.Producer.CompressionLevel = sarama.CompressionLevelDefault
	if d.CompressionLevel != 0 {
		cfg.Producer.CompressionLevel = d.CompressionLevel
	}
	return nil
}

// pause grows from firstPause to longestPause.
func pause(attempt, _ int) time.Duration {
	return min(firstPause<<min(attempt, 10), longestPause)
}
