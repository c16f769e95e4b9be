package connect

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/ctxwait"
)

// askGrace bounds the wait, after the end of a context, for an authenticator of
// the caller's: it can block, and Sarama gives it no context.
const askGrace = 20 * time.Millisecond

// connectAndAsk connects to server on a connection of its own, authenticates, and
// asks, if ask is not nil. It returns when ctx ends, whatever the broker does.
// Its errors say which server failed, in what, and what to do.
func (p *Probe) connectAndAsk(ctx context.Context, cfg *sarama.Config, server string, ask func(*Broker, *progress) error) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	at := &progress{}
	answered, err := ctxwait.Do(ctx, askGrace, func() (bool, error) {
		return true, p.connectAndAskUnbound(ctx, cfg, server, at, ask)
	}, nil)
	if !answered {
		return unreachable(ctx, server, at, nil)
	}
	return err
}

// connectAndAskUnbound is connectAndAsk without the promise to return.
func (p *Probe) connectAndAskUnbound(ctx context.Context, cfg *sarama.Config, server string, at *progress, ask func(*Broker, *progress) error) error {
	conn, certs, err := p.dialer.open(ctx, "tcp", server, at)
	if err != nil {
		return err
	}
	sniffed := &sniffedConn{Conn: conn, at: at}
	b, err := openWatched(ctx, cfg, server, at, sniffed)
	if err == nil {
		defer b.Abort()
		defer context.AfterFunc(ctx, b.Abort)() // Sarama knows no context
		if err = p.checkVersions(shown(server), sniffed.apiVersions()); err == nil && ask != nil {
			at.set(asking)
			err = ask(b, at)
		}
		_ = b.Close() // the connection has served
	}
	return p.explainAfterTLS(ctx, cfg, server, at, sniffed, certs, err)
}

// explainAfterTLS explains why an attempt failed after the TLS handshake; nil: it
// has not.
func (p *Probe) explainAfterTLS(ctx context.Context, cfg *sarama.Config, server string, at *progress,
	sniffed *sniffedConn, certs *certRequest, err error,
) error {
	switch badConfig, bad := errors.AsType[configError](err); {
	case err == nil || isRefusal(err):
		return err
	case bad:
		return refusef("%s: %w", shown(server), badConfig.error)
	case hasEnded(ctx):
		return unreachable(ctx, server, at, err)
	default:
		return explainFailure(shown(server), p.identityOf(cfg), at.get(), sniffed, certs, err)
	}
}

// openWatched is openOn for a caller that watches at.
func openWatched(ctx context.Context, cfg *sarama.Config, server string, at *progress, conn net.Conn) (*Broker, error) {
	at.set(asking)
	own := *cfg
	if own.Net.SASL.Enable {
		at.set(authenticating)
		if scram := own.Net.SASL.SCRAMClientGeneratorFunc; scram != nil {
			own.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return progressSCRAM{scram(), at} }
		}
	}
	return openOn(ctx, &own, server, conn)
}

// A progressSCRAM is a SCRAM client that notes in at when it asks for credentials
// and when it waits for the broker, and marks its own errors, so that they differ
// from the connection's.
type progressSCRAM struct {
	sarama.SCRAMClient
	at *progress
}

// Begin implements [sarama.SCRAMClient].
func (c progressSCRAM) Begin(userName, password, authzID string) error {
	c.at.set(preparing)
	defer c.at.set(authenticating)
	if err := c.SCRAMClient.Begin(userName, password, authzID); err != nil {
		return &classedError{classNoCredentials, err}
	}
	return nil
}
