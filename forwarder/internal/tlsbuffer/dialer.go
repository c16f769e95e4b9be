package tlsbuffer

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
)

// A Dialer opens connections that gather. It is what a forwarder's own does,
// without the words for what can go wrong: measurements use it.
type Dialer struct {
	TLS *tls.Config

	buffers Buffers
}

// Dial connects and shakes hands.
func (d *Dialer) Dial(network, addr string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, addr)
}

// DialContext is Dial with a context.
func (d *Dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	var direct net.Dialer
	raw, err := direct.DialContext(ctx, network, addr)
	if err != nil {
		return nil, fmt.Errorf("gather: %w", err)
	}
	cfg := d.TLS.Clone()
	if host, _, err := net.SplitHostPort(addr); err == nil && cfg.ServerName == "" {
		cfg.ServerName = host
	}
	conn := Client(raw, cfg, &d.buffers)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close() // the handshake's error is the one to tell
		return nil, fmt.Errorf("gather: %w", err)
	}
	return Over(conn), nil
}
