package connect

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/ctxwait"
	"github.com/eventferry/eventferry/forwarder/internal/saramaconfig"
	"github.com/eventferry/eventferry/forwarder/internal/tlsbuffer"
	"github.com/eventferry/eventferry/settings"
)

// dialTimeout bounds one attempt to connect, the TLS handshake included.
const dialTimeout = saramaconfig.DialTimeout

// A tlsDialer opens every connection of a forwarder, the probe's and the
// producer's. It returns verified TLS connections, so nothing of Kafka's
// protocol, and no credentials, can leave before the handshake is done. That is
// why Net.TLS of Sarama's configuration stays off.
type tlsDialer struct {
	dial    DialFunc
	tls     *tls.Config  // without what is in files
	files   *tlsFiles    // that are read at each connection; nil: none
	names   settings.TLS // of the files, for errors
	ownTLS  bool         // tls replaces the settings' section tls
	ownDial bool         // dial is the caller's
	buffers tlsbuffer.Buffers
}

// newTLSDialer dials the network itself if dial is nil.
func newTLSDialer(dial DialFunc, tc *tls.Config) *tlsDialer {
	if dial == nil {
		direct := net.Dialer{KeepAlive: 30 * time.Second}
		return &tlsDialer{dial: direct.DialContext, tls: tc}
	}
	return &tlsDialer{dial: boundByContext(dial), tls: tc, ownDial: true}
}

// Dial implements the dialer of Sarama, which gives it no context.
func (d *tlsDialer) Dial(network, addr string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, addr)
}

// DialContext returns a verified connection, at the latest after dialTimeout.
func (d *tlsDialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, _, err := d.open(ctx, network, addr, &progress{})
	if err != nil {
		return nil, err
	}
	return &sniffedConn{Conn: tlsbuffer.Over(conn), headOnly: true}, nil
}

// open connects to addr and shakes hands. It notes its phase in at. Its errors
// say which server failed, in what, and what to do.
func (d *tlsDialer) open(ctx context.Context, network, addr string, at *progress) (*tls.Conn, *certRequest, error) {
	raw, err := d.dialRaw(ctx, network, addr, at)
	if err != nil {
		return nil, nil, err
	}
	return d.handshake(ctx, raw, addr, at)
}

// dialRaw connects to addr, without TLS.
func (d *tlsDialer) dialRaw(ctx context.Context, network, addr string, at *progress) (net.Conn, error) {
	at.set(connecting)
	raw, err := d.dial(ctx, network, addr)
	if err != nil {
		return nil, unreachable(ctx, addr, at, err)
	}
	return raw, nil
}

// handshake makes a verified TLS connection of raw, which it closes if it fails.
func (d *tlsDialer) handshake(ctx context.Context, raw net.Conn, addr string, at *progress) (*tls.Conn, *certRequest, error) {
	at.set(shakingHands)
	asked := &certRequest{own: d.ownTLS, files: d.names}
	conn := tlsbuffer.Client(raw, asked.observe(d.configFor(addr)), &d.buffers)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close() // the error of the handshake says more
		if hasEnded(ctx) {
			return nil, nil, unreachable(ctx, addr, at, err)
		}
		return nil, nil, explainHandshake(shown(addr), d.tls.MinVersion, asked, err)
	}
	return conn, asked, nil
}

// configFor returns the configuration of a new connection to addr, with what the
// files hold now.
func (d *tlsDialer) configFor(addr string) *tls.Config {
	tc := forHost(d.tls, addr)
	if d.files != nil {
		d.files.applyTo(tc)
	}
	return tc
}

// clientCertificates returns those that a connection would offer.
func (d *tlsDialer) clientCertificates() []tls.Certificate {
	if d.files != nil {
		return d.files.latestCertificates()
	}
	return d.tls.Certificates
}

// forHost returns a copy of tc for one server: it verifies the name of the host
// in addr, unless a name is set.
func forHost(tc *tls.Config, addr string) *tls.Config {
	tc = tc.Clone()
	if tc.ServerName == "" {
		if host, _, err := net.SplitHostPort(addr); err == nil {
			tc.ServerName = host
		}
	}
	return tc
}

// boundByContext makes a dial function of the caller's return when ctx ends, also
// if it does not heed ctx. A connection that comes too late is closed.
func boundByContext(dial DialFunc) DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		return ctxwait.Do(ctx, 0, func() (net.Conn, error) {
			conn, err := dial(ctx, network, addr)
			if err == nil && conn == nil {
				err = errors.New("the dialer returned no connection")
			}
			return conn, err
		}, func(conn net.Conn, err error) {
			if err == nil {
				_ = conn.Close() // too late to be of use
			}
		})
	}
}
