package connect

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/ctxwait"
)

// A Link is a connection to one address of a server that is made step by step, so
// that each step can be told by itself: DialLink, Handshake, Authenticate, then
// questions. Its errors are those of [Probe.Run]. A step that fails ends the link.
// One goroutine at a time uses it. Each step ends with its context, and after 10
// seconds.
type Link struct {
	probe  *Probe
	cfg    *sarama.Config // since Authenticate
	server string
	at     progress
	raw    net.Conn
	conn   *sniffedConn // since Handshake
	certs  *certRequest
	broker *Broker // since Authenticate
}

// Resolve returns the addresses of a server, host:port. If its host is an address
// already, or if a function of the caller's opens connections and so resolves
// names, that is the server itself.
func (p *Probe) Resolve(ctx context.Context, server string) ([]string, error) {
	host, port, err := net.SplitHostPort(server)
	if err != nil || p.dialer.ownDial || net.ParseIP(host) != nil {
		return []string{server}, nil // dialling says what is wrong with it
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	hosts, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil { // in the words of a dialer, which resolves names, too
		return nil, unreachable(ctx, server, &progress{}, &net.OpError{Op: "dial", Net: "tcp", Err: err})
	}
	addresses := make([]string, len(hosts))
	for i, h := range hosts {
		addresses[i] = net.JoinHostPort(h, port)
	}
	return addresses, nil
}

// DialLink connects to an address of a server. Close the link.
func (p *Probe) DialLink(ctx context.Context, server, address string) (*Link, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	l := &Link{probe: p, server: server}
	l.at.set(connecting)
	raw, err := p.dialer.dial(ctx, "tcp", address)
	if err != nil {
		return nil, unreachable(ctx, server, &l.at, err)
	}
	l.raw = raw
	return l, nil
}

// Handshake makes a TLS connection of it, with the server's certificate verified.
func (l *Link) Handshake(ctx context.Context) (tls.ConnectionState, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, certs, err := l.probe.dialer.handshake(ctx, l.raw, l.server, &l.at)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	l.conn, l.certs = &sniffedConn{Conn: conn, at: &l.at}, certs
	return conn.ConnectionState(), nil
}

// ClientCertificate returns the certificate that the broker has got; nil: none.
func (l *Link) ClientCertificate() *x509.Certificate {
	if l.certs.sent == nil {
		return nil
	}
	leaf, err := x509.ParseCertificate(l.certs.sent.Certificate[0])
	if err != nil {
		return nil // it could not be sent
	}
	return leaf
}

// Authenticate asks for the broker's versions and authenticates as cfg says, which is
// of [Probe.Config]. Without SASL it asks a first question instead, which brokers
// that want a user do not answer.
func (l *Link) Authenticate(ctx context.Context, cfg *sarama.Config) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	l.cfg = cfg
	conn := l.conn
	b, err := ctxwait.Do(ctx, askGrace, func() (*Broker, error) {
		return openWatched(ctx, cfg, l.server, &l.at, conn)
	}, func(b *Broker, err error) {
		if err == nil {
			b.Abort() // too late to be of use
			_ = b.Close()
		}
	})
	if b == nil && hasEnded(ctx) {
		return unreachable(ctx, l.server, &l.at, err)
	}
	if err != nil {
		return l.explain(ctx, err)
	}
	l.broker = b
	if !cfg.Net.SASL.Enable {
		return l.ask(ctx, asking, func(b *Broker) error {
			_, err := b.Metadata(l.probe.topic, false)
			return err
		})
	}
	return nil
}

// ask asks the broker, for no longer than ctx or 10 seconds.
func (l *Link) ask(ctx context.Context, about phase, ask func(*Broker) error) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, l.broker.Abort)() // Sarama knows no context
	l.at.set(about)
	return l.explain(ctx, ask(l.broker))
}

func (l *Link) explain(ctx context.Context, err error) error {
	return l.probe.explainAfterTLS(ctx, l.cfg, l.server, &l.at, l.conn, l.certs, err)
}

// Close closes the connection.
func (l *Link) Close() {
	_ = l.raw.Close() // all that is open on it
	if l.broker != nil {
		_ = l.broker.Close()
	}
}

// Server returns host:port of the server.
func (l *Link) Server() string { return l.server }

// User returns whom the connection authenticates as, as errors name it.
func (l *Link) User() string { return l.probe.identityOf(l.cfg).String() }

// Unserved explains why broker id, which server advertises at addr and which leads
// these partitions, is of no use.
func Unserved(server string, id int32, addr string, partitions []int32, err error) error {
	return explainAdvertised(server, leadingBroker{id, addr, partitions}, err)
}

// Unreached explains why none of the bootstrap servers is of use: errs has an error
// for each. A broker that refuses says more than all the others.
func (p *Probe) Unreached(errs []error) error {
	if err := mostTelling(errs); err != nil && isRefusal(err) {
		return err
	}
	return &noServerError{servers: p.servers, failures: errs}
}

// Refuses reports whether err is a broker's answer that trying again does not
// change, or a connection that it closed where an answer was due.
func Refuses(err error) bool { return isRefusal(err) || errors.Is(err, classHungUp) }

// Silent reports whether err is only that nothing was answered.
func Silent(err error) bool { return isSilence(err) }

// Named returns an address, which a broker may have advertised, safe to print.
func Named(addr string) string { return shown(addr) }

// CertificateNames lists, safe to print, what a certificate is valid for.
func CertificateNames(c *x509.Certificate) string {
	if list := names(c); len(list) > 0 {
		return few(list)
	}
	return "no name"
}
