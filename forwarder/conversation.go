package forwarder

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
)

// progress tells, from outside, what a conversation is waiting for.
type progress struct{ stage atomic.Int32 }

func (p *progress) set(s stage) { p.stage.Store(int32(s)) }
func (p *progress) get() stage  { return stage(p.stage.Load()) }

// abandoning bounds the wait for code of the caller's that does not heed a
// context: an authenticator can block, and Sarama gives it none.
const abandoning = 20 * time.Millisecond

// meet connects to server on a connection of its own, authenticates and asks,
// if ask is not nil. It returns when ctx ends, whatever the broker does. Its
// errors say what failed at which server, and what to do.
func (p *probe) meet(ctx context.Context, cfg *sarama.Config, server string, ask func(*sarama.Broker) error) error {
	ctx, cancel := context.WithTimeout(ctx, oneAttempt)
	defer cancel()
	at := &progress{}
	answer := make(chan error, 1)
	go func() { answer <- p.converse(ctx, cfg, server, at, ask) }()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-answer:
		return err
	case <-time.After(abandoning):
		return unreachable(ctx, server, at, nil)
	}
}

// converse is meet without the promise to return.
func (p *probe) converse(ctx context.Context, cfg *sarama.Config, server string, at *progress, ask func(*sarama.Broker) error) error {
	conn, certs, err := p.dialer.open(ctx, "tcp", server, at)
	if err != nil {
		return err
	}
	l := &link{Conn: conn}
	defer func() { _ = conn.NetConn().Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.NetConn().Close() })() // Sarama knows no context

	own := *cfg
	own.MetricRegistry = sarama.NewConfig().MetricRegistry // brokers clear it when they close
	own.Net.Proxy.Enable, own.Net.Proxy.Dialer = true, handOver{l}
	at.set(asking)
	if own.Net.SASL.Enable {
		at.set(authenticating)
		if scram := own.Net.SASL.SCRAMClientGeneratorFunc; scram != nil {
			own.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return asker{scram(), at} }
		}
	}
	b := sarama.NewBroker(server)
	if err := b.Open(&own); err != nil {
		return refusef("%s: %w", server, err)
	}
	if _, err = b.Connected(); err == nil && ask != nil {
		at.set(asking)
		err = ask(b)
	}
	_ = b.Close() // the connection has served
	switch {
	case err == nil || isRefusal(err):
		return err
	case over(ctx):
		return unreachable(ctx, server, at, err)
	default:
		return explain(server, p.who(&own), at.get(), l, certs, err)
	}
}

// handOver gives Sarama the connection that is there already.
type handOver struct{ conn net.Conn }

func (h handOver) Dial(string, string) (net.Conn, error) { return h.conn, nil }
