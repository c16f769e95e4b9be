// Package saramaconfig is the one place where Sarama is configured.
package saramaconfig

import (
	"fmt"
	"net"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/settings"
)

// DialTimeout bounds one attempt to connect, the TLS handshake included.
const DialTimeout = 10 * time.Second

// A Dialer opens every connection. If it has DialContext, too, as [net.Dialer]
// does, connections that have a context are opened with that.
type Dialer interface {
	// Dial returns a connection with TLS on it.
	Dial(network, addr string) (net.Conn, error)
}

// Config returns Sarama's configuration for s, which has its defaults filled in.
// A nil authenticator stands for TLS without SASL; any other may block, and its
// errors come back. The caller may change the configuration.
func Config(s settings.Settings, d Dialer, a auth.Authenticator) (*sarama.Config, error) {
	cfg := sarama.NewConfig()
	cfg.ClientID = s.Delivery.ClientID
	cfg.Version = sarama.V3_7_0_0 // an upper bound: each broker is asked what it speaks
	cfg.ApiVersionsRequest = true

	cfg.Net.Proxy.Enable, cfg.Net.Proxy.Dialer = true, d
	cfg.Net.DialTimeout = DialTimeout
	cfg.Net.MaxOpenRequests = 1 // idempotence asks for it; partitions still share requests

	cfg.Metadata.Full = false // this topic only
	cfg.Metadata.AllowAutoTopicCreation = false
	cfg.Metadata.Retry.Max = maxRetries
	cfg.Metadata.Retry.BackoffFunc = retryBackoff

	p := &cfg.Producer
	p.Idempotent = true
	p.RequiredAcks = sarama.WaitForAll
	p.Partitioner = sarama.NewManualPartitioner // the partition is chosen before the producer gets the message
	p.Return.Successes, p.Return.Errors = true, true
	p.Retry.Max = maxRetries
	p.Retry.BackoffFunc = retryBackoff
	p.Transaction.Retry.Max = 2 // counts attempts to get a producer id; the caller that asks for one retries
	p.Flush.Frequency = s.Delivery.Linger
	// It bounds a message, which Sarama counts at less than we do, and the
	// messages of a partition that gather in a request, before compression.
	p.MaxMessageBytes = s.Delivery.MaxMessageBytes
	if err := compress(cfg, s.Delivery); err != nil {
		return nil, err
	}

	if err := applyAuthenticator(cfg, a); err != nil {
		return nil, err
	}
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configuring the producer: %w", err)
	}
	return cfg, nil
}
