// Package connect is the way to a broker: dial, TLS, SASL, and the topic as the
// broker shows it. What fails on the way is explained: at which server, for
// whom, and what to do about it.
package connect

import (
	"context"
	"net"

	"github.com/IBM/sarama"
)

// DialContext returns the function that opens the connections of cfg.
func DialContext(cfg *sarama.Config) func(ctx context.Context, network, addr string) (net.Conn, error) {
	if cfg.Net.Proxy.Enable {
		if d, ok := cfg.Net.Proxy.Dialer.(interface {
			DialContext(context.Context, string, string) (net.Conn, error)
		}); ok {
			return d.DialContext
		}
		d := cfg.Net.Proxy.Dialer
		return func(_ context.Context, network, addr string) (net.Conn, error) { return d.Dial(network, addr) }
	}
	d := net.Dialer{Timeout: cfg.Net.DialTimeout, KeepAlive: cfg.Net.KeepAlive}
	return d.DialContext
}

// Raw returns the connection below TLS. Closing that one does not block; TLS
// would first send an alert to a peer that may not be reading.
func Raw(c net.Conn) net.Conn {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		return Raw(t.NetConn())
	}
	return c
}
