package forwarder

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/client"
	"github.com/eventferry/eventferry/forwarder/internal/gather"
)

// dialTimeout bounds one attempt to connect, the TLS handshake included.
const dialTimeout = client.DialTimeout

// WithDialer opens network connections with dial instead of a [net.Dialer]:
// through a proxy, a tunnel, or to an address that stands for the broker's.
// The probe and the producer both use it; TLS runs inside what it returns, for
// the name in addr ("b1:9093"), which comes from bootstrap_servers or from the
// brokers' advertised.listeners. network is always "tcp".
//
// dial is called from several goroutines at once. Its ctx ends after 10
// seconds, and when nobody waits for the connection any more. A nil dial leaves
// it to the network.
func WithDialer(dial func(ctx context.Context, network, addr string) (net.Conn, error)) Option {
	return optionFunc(func(o *options) { o.dial = dial })
}

type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// A dialer opens every connection of a forwarder, the probe's and the
// producer's. What it returns is a verified TLS connection, so nothing of
// Kafka's protocol, and no credentials, can leave before the handshake is
// done. That is why Net.TLS of Sarama's configuration stays off.
type dialer struct {
	dial    dialFunc
	tls     *tls.Config
	buffers gather.Buffers
}

// newDialer takes nil for the network itself.
func newDialer(dial dialFunc, tc *tls.Config) *dialer {
	if dial == nil {
		direct := net.Dialer{KeepAlive: 30 * time.Second}
		return &dialer{dial: direct.DialContext, tls: tc}
	}
	return &dialer{dial: heeding(dial), tls: tc}
}

// Dial is what Sarama calls if nobody gives it a context.
func (d *dialer) Dial(network, addr string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, addr)
}

// DialContext returns a verified connection, at the latest after dialTimeout.
func (d *dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, _, err := d.open(ctx, network, addr, &progress{})
	if err != nil {
		return nil, err
	}
	return &link{Conn: gather.Over(conn)}, nil
}

// open connects to addr and shakes hands. at tells what it is waiting for. Its
// errors say what failed at which server, and what to do.
func (d *dialer) open(ctx context.Context, network, addr string, at *progress) (*tls.Conn, *certRequest, error) {
	at.set(connecting)
	raw, err := d.dial(ctx, network, addr)
	if err != nil {
		return nil, nil, unreachable(ctx, addr, at, err)
	}
	at.set(shakingHands)
	asked := &certRequest{}
	conn := gather.Client(raw, asked.watch(forHost(d.tls, addr)), &d.buffers)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close() // the handshake's error is the one to tell
		if over(ctx) {
			return nil, nil, unreachable(ctx, addr, at, err)
		}
		return nil, nil, explainHandshake(addr, d.tls.MinVersion, asked, err)
	}
	return conn, asked, nil
}

// forHost is tc for one server: the name to verify is the host's unless a name
// is set.
func forHost(tc *tls.Config, addr string) *tls.Config {
	tc = tc.Clone()
	if tc.ServerName == "" {
		if host, _, err := net.SplitHostPort(addr); err == nil {
			tc.ServerName = host
		}
	}
	return tc
}

// heeding makes a dial function of the caller's return when ctx ends, also if
// it does not heed ctx itself. A connection that comes too late is closed.
func heeding(dial dialFunc) dialFunc {
	type result struct {
		conn net.Conn
		err  error
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		results := make(chan result)
		go func() {
			conn, err := dial(ctx, network, addr)
			if err == nil && conn == nil {
				err = errors.New("the dialer returned no connection")
			}
			select {
			case results <- result{conn, err}:
			case <-ctx.Done():
				if err == nil {
					_ = conn.Close() // nobody is there to use it
				}
			}
		}()
		select {
		case r := <-results:
			return r.conn, r.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
