package asyncproducer

import (
	"context"
	"net"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/connect"
	"github.com/eventferry/eventferry/forwarder/internal/ctxwait"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// A client is the one that AsyncProducer sees: Sarama's own, except that the
// search for a leader never gives up and that nothing else blocks.
//
// Sarama's client counts its attempts to get metadata and ends in errors that
// AsyncProducer passes on to messages; three of them open a circuit breaker that
// fails every message for ten seconds. It also blocks its callers, and
// AsyncProducer calls it on goroutines that other partitions need. It searches
// for a leader on a goroutine of the partition, so only that call waits.
type client struct {
	sarama.Client // makes single attempts
	metadata      *metadata
}

// RefreshMetadata asks for newer metadata. Leader waits for it.
func (c client) RefreshMetadata(...string) error {
	c.metadata.request()
	return nil
}

// Partitions never fails once a message can be under way.
func (c client) Partitions(string) ([]int32, error) { return c.metadata.known().all, nil }

// Leader waits until the metadata is as new as was asked for and names a leader.
// It fails only at Close.
func (c client) Leader(topic string, partition int32) (*sarama.Broker, error) {
	for need := c.metadata.mark(); c.metadata.await(need) == nil; need = c.metadata.request() {
		if !slices.Contains(c.metadata.known().leading, partition) {
			continue
		}
		if b, err := c.Client.Leader(topic, partition); err == nil {
			return b, nil
		}
	}
	return nil, producer.ErrClosed
}

// adapt changes of cfg what the promises of this package need.
func adapt(ctx context.Context, cfg *sarama.Config) {
	cfg.Net.Proxy.Dialer = connDialer{ctx, connect.DialContext(cfg)}
	cfg.Net.Proxy.Enable = true
	cfg.Metadata.Retry.Max = 0         // metadata asks again, for as long as it takes
	cfg.Metadata.RefreshFrequency = 0  // and now and then, too
	cfg.ChannelBufferSize = 2 * window // so that no partition's channel is ever full
	pause := cfg.Producer.Retry.BackoffFunc
	cfg.Producer.Retry.BackoffFunc = func(retries, most int) time.Duration {
		ctxwait.Sleep(ctx, pause(retries, most)) // here, not where Sarama would: Close ends it
		return 0
	}
}

// A connDialer opens connections that are closed when ctx ends. Sarama knows no
// context: closing a connection under it is the only way to end what it does
// there.
type connDialer struct {
	ctx  context.Context
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Dial implements proxy.Dialer, which Sarama asks for connections.
func (d connDialer) Dial(network, addr string) (net.Conn, error) {
	conn, err := d.dial(d.ctx, network, addr)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(d.ctx, func() { _ = connect.Raw(conn).Close() }) // messages on it end as unknown anyway
	return boundConn{conn, stop}, nil
}

// A boundConn is closed with a context.
type boundConn struct {
	net.Conn
	stop func() bool
}

// Close implements net.Conn.
func (c boundConn) Close() error {
	c.stop()
	return c.Conn.Close()
}
