package engine

import (
	"context"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/connect"
	"github.com/eventferry/eventferry/forwarder/internal/ctxwait"
)

// saramaNetwork is a [brokerNetwork] through Sarama. topic is that of metadata, and
// of the small requests that verify a connection.
type saramaNetwork struct {
	topic     string
	configure func(context.Context) (*sarama.Config, error)
}

func newSaramaNetwork(c Config, topic string) *saramaNetwork {
	configure := c.Configure
	if configure == nil {
		configure = func(context.Context) (*sarama.Config, error) { return c.Sarama, nil }
	}
	return &saramaNetwork{topic: topic, configure: configure}
}

// configureGrace bounds the wait for the caller's code, which provides credentials
// and may ignore its context.
const configureGrace = 100 * time.Millisecond

// connect implements [brokerNetwork].
func (n *saramaNetwork) connect(ctx context.Context, addr string) (brokerConn, error) {
	cfg, err := ctxwait.Do(ctx, configureGrace, func() (*sarama.Config, error) { return n.configure(ctx) }, nil)
	if err != nil {
		return nil, err
	}
	own := *cfg
	own.Net.MaxOpenRequests = maxInFlight + 2 // so that Sarama never blocks on it
	own.Producer.Idempotent = false           // for Sarama's own producer, and forbids MaxOpenRequests above 1
	b, err := connect.Open(ctx, &own, addr)
	switch {
	case err == nil:
		return &saramaConn{
			topic: n.topic, timeout: cfg.Producer.Timeout, broker: b,
			codec: cfg.Producer.Compression, compressionLevel: cfg.Producer.CompressionLevel,
		}, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	default:
		return nil, err
	}
}
