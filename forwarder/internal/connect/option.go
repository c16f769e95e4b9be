package connect

import (
	"cmp"
	"context"
	"crypto/tls"
	"log/slog"
	"net"

	"github.com/eventferry/eventferry/auth"
)

// Options replace parts of the settings. The zero value replaces none.
type Options struct {
	// At most one of these is set. Both replace user name and password; the
	// authenticator replaces the mechanism as well.
	Authenticator auth.Authenticator
	Credentials   auth.Credentials

	TLS  *tls.Config // replaces the settings' tls section
	Dial DialFunc    // replaces the network

	Routed bool // routes name the topic, and not topic_name

	Logger *slog.Logger // is told of files that have changed; nil: slog.Default()
}

// topicFrom says what names the topic.
func (o Options) topicFrom() string {
	if o.Routed {
		return "the route"
	}
	return "topic_name"
}

func (o Options) logger() *slog.Logger { return cmp.Or(o.Logger, slog.Default()) }

// A DialFunc opens a network connection, as [net.Dialer.DialContext] does.
type DialFunc func(ctx context.Context, network, addr string) (net.Conn, error)
