package engine

import (
	"context"
	"errors"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/deliver"
)

// brokers is the [network] of real ones, through Sarama.
type brokers struct {
	topic     string
	configure func(context.Context) (*sarama.Config, error)
}

func newBrokers(c Config) *brokers {
	configure := c.Connect
	if configure == nil {
		configure = func(context.Context) (*sarama.Config, error) { return c.Sarama, nil }
	}
	return &brokers{topic: c.Topic, configure: configure}
}

// abandoning bounds the wait for code of the caller's that does not heed a
// context: it has the credentials, and may block.
const abandoning = 100 * time.Millisecond

// connect implements [network].
func (n *brokers) connect(ctx context.Context, addr string) (conn, error) {
	b := &broker{topic: n.topic}
	opened := make(chan error, 1)
	go func() { opened <- b.open(ctx, n.configure, addr) }()
	select {
	case err := <-opened:
		if err != nil {
			return nil, err
		}
		return b, nil
	case <-ctx.Done():
		b.abort() // Sarama knows no context
	}
	select {
	case err := <-opened:
		if err == nil {
			b.close()
		}
	case <-time.After(abandoning):
	}
	return nil, context.Cause(ctx)
}

var errNoConnection = errors.New("the connection was closed while it was opened")

// open dials and authenticates.
func (b *broker) open(ctx context.Context, configure func(context.Context) (*sarama.Config, error), addr string) error {
	cfg, err := configure(ctx)
	if err != nil {
		return err
	}
	raw, err := deliver.DialWith(cfg)(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	if !b.take(raw) {
		return errNoConnection
	}
	own := *cfg
	own.MetricRegistry = sarama.NewConfig().MetricRegistry // brokers clear it when they close
	own.Net.Proxy.Enable, own.Net.Proxy.Dialer = true, handOver{raw}
	own.Net.MaxOpenRequests = maxFlights + 2 // so that Sarama never blocks on it
	own.Producer.Idempotent = false          // that is how Sarama's producer works, and forbids the above
	b.version, b.timeout = cfg.Version, cfg.Producer.Timeout
	b.broker = sarama.NewBroker(addr)
	if err := b.broker.Open(&own); err != nil {
		b.abort()
		return err
	}
	connected, err := b.broker.Connected()
	if err == nil && (!connected || ctx.Err() != nil) {
		err = errNoConnection
	}
	if err != nil {
		b.abort()
		_ = b.broker.Close() // it is closed already, if it could not authenticate
	}
	return err
}
