package contender

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/work"
	"github.com/eventferry/eventferry/forwarder/receiver"
	"github.com/eventferry/eventferry/settings"
)

const postSecret = "Bearer of-the-benchmark"

// posted is a web server in this process, whose handler answers a batch that is posted
// to it once Kafka has acknowledged it. Its clients are as small as they can be, since
// their processor time counts.
type posted struct {
	server *http.Server
	served sync.WaitGroup
	behind contender
	addr   string
	free   chan *postConn // connections that no caller uses
}

// newWebhook serves the webhook of package receiver.
func newWebhook(ctx context.Context, j peer.Job) (contender, error) {
	f, err := newForward(ctx, j, nil)
	if err != nil {
		return nil, err
	}
	feeds, err := receiver.StaticFeeds(receiver.Feed{Name: "benchmark", Secrets: []settings.Secret{settings.NewSecret(postSecret)}})
	if err != nil {
		return nil, fmt.Errorf("contender: %w", err)
	}
	r, err := receiver.New(f.f, feeds, receiver.WithLogger(slog.New(slog.DiscardHandler)),
		receiver.WithTrustedProxies(netip.MustParsePrefix("127.0.0.0/8")))
	if err != nil {
		return nil, fmt.Errorf("contender: %w", err)
	}
	return serve(f, r.Webhook())
}

// newStructsPosted serves what a user would write instead.
func newStructsPosted(j peer.Job, wait time.Duration) (contender, error) {
	c, err := newByHand(j, wait, withStructs)
	if err != nil {
		return nil, err
	}
	return serve(c, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Authorization") != postSecret {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		body, err := io.ReadAll(req.Body)
		if err == nil {
			err = c.wait([]*work.Item{{Input: body}})
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	}))
}

func serve(behind contender, h http.Handler) (*posted, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("contender: %w", err)
	}
	p := &posted{
		server: &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}, behind: behind,
		addr: listener.Addr().String(), free: make(chan *postConn, 1<<10),
	}
	p.served.Go(func() { _ = p.server.Serve(listener) })
	return p, nil
}

func (p *posted) wait(items []*work.Item) error { return starter(p.start).waitAll(items) }

func (p *posted) start(i *work.Item, done func(error)) { go func() { done(p.post(i.Input)) }() }

// post uses a free connection, or another one.
func (p *posted) post(body []byte) error {
	var c *postConn
	select {
	case c = <-p.free:
	default:
		conn, err := net.Dial("tcp", p.addr) //nolint:noctx // in this process
		if err != nil {
			return fmt.Errorf("contender: %w", err)
		}
		c = &postConn{conn: conn, answers: bufio.NewReader(conn)}
	}
	err := c.post(body)
	if err != nil {
		return errors.Join(err, c.conn.Close())
	}
	p.free <- c
	return nil
}

func (p *posted) close() {
	close(p.free)
	for c := range p.free {
		_ = c.conn.Close()
	}
	_ = p.server.Close()
	p.served.Wait()
	p.behind.close()
}

// A postConn is a connection that is kept.
type postConn struct {
	conn    net.Conn
	answers *bufio.Reader
	head    []byte
}

func (c *postConn) post(body []byte) error {
	c.head = fmt.Appendf(c.head[:0], "POST / HTTP/1.1\r\nHost: localhost\r\nAuthorization: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
		postSecret, len(body))
	request := net.Buffers{c.head, body}
	if _, err := request.WriteTo(c.conn); err != nil {
		return fmt.Errorf("contender: %w", err)
	}
	answer, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		return fmt.Errorf("contender: %w", err)
	}
	defer answer.Body.Close() //nolint:errcheck // read to its end
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("contender: %s: %s", answer.Status, text)
	}
	return err
}
