package connect

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/ctxwait"
)

// A Broker is an authenticated connection to a broker, on which Sarama speaks
// Kafka's protocol. The caller of Open closes it.
type Broker struct {
	// Sarama returns Sarama's broker. Only a function holds it: its configuration
	// has the password, which must be out of reach of packages that print by
	// reflection.
	Sarama func() *sarama.Broker

	version sarama.KafkaVersion
	socket  net.Conn // below TLS
	held    *heldConn

	clientID    string
	readTimeout time.Duration
	asked       int32 // plain requests
}

// openGrace bounds the wait for functions of the caller's that heed no context:
// a dialer, or an authenticator that asks for credentials.
const openGrace = 100 * time.Millisecond

// Open dials addr and authenticates, both as cfg says. It returns soon after ctx
// has ended, which governs this call only.
func Open(ctx context.Context, cfg *sarama.Config, addr string) (*Broker, error) {
	return ctxwait.Do(ctx, openGrace, func() (*Broker, error) {
		conn, err := DialContext(cfg)(ctx, "tcp", addr)
		if err != nil {
			return nil, err
		}
		return openOn(ctx, cfg, addr, conn)
	}, func(b *Broker, err error) {
		if err == nil {
			_ = b.Close() // too late to be of use
		}
	})
}

var errConnectionClosed = errors.New("the connection was closed while it was opened")

// A configError is a configuration that Sarama refuses, before anything is sent.
type configError struct{ error }

// openOn authenticates on conn, as cfg says, until ctx ends. It closes conn when
// it fails.
func openOn(ctx context.Context, cfg *sarama.Config, addr string, conn net.Conn) (*Broker, error) {
	own := *cfg
	own.MetricRegistry = newUnreadMetrics() // one for each: brokers clear it when they close
	held := &heldConn{Conn: conn, writeTimeout: cfg.Net.WriteTimeout}
	own.Net.Proxy.Enable, own.Net.Proxy.Dialer = true, handOver{held}
	broker := sarama.NewBroker(addr)
	b := &Broker{
		Sarama: func() *sarama.Broker { return broker }, version: cfg.Version, socket: Raw(conn), held: held,
		clientID: cfg.ClientID, readTimeout: cfg.Net.ReadTimeout,
	}
	defer context.AfterFunc(ctx, b.Abort)() // Sarama knows no context
	if err := broker.Open(&own); err != nil {
		b.Abort()
		return nil, configError{err}
	}
	connected, err := broker.Connected()
	if err == nil && (!connected || ctx.Err() != nil) {
		err = errConnectionClosed
	}
	if err != nil {
		b.Abort()
		_ = broker.Close() // it is closed already, if it could not authenticate
		return nil, withoutForeignText(err)
	}
	return b, nil
}

// Close closes the connection, and waits for requests under way.
func (b *Broker) Close() error { return b.Sarama().Close() }

// Written is the number of bytes that were written on the connection, before
// encryption.
func (b *Broker) Written() int64 { return b.held.written.Load() }

// Abort closes the socket: all that is under way fails soon. It does not block,
// and may be called by any goroutine, several times.
func (b *Broker) Abort() { _ = b.socket.Close() } // what matters on it is open anyway

// handOver gives Sarama the connection that is there already.
type handOver struct{ conn net.Conn }

// Dial implements Sarama's seam, proxy.Dialer.
func (h handOver) Dial(string, string) (net.Conn, error) { return h.conn, nil }
