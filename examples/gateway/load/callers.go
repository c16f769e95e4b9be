package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// callers post batches until they are told to stop. Each has one connection, which
// stays open, and one post under way. A batch that was not confirmed is posted again, as
// mParticle does, until it is.
type callers struct {
	work      *workload
	gateway   *gateway
	client    *http.Client
	rate      float64 // batches a second of all; 0: as fast as they go
	most      int     // batches of each at most; 0: no limit
	disturbed atomic.Bool

	mu          sync.Mutex
	connections map[net.Conn]bool

	posted, confirmed []int
	again             atomic.Int64 // posts that were not confirmed
	calm, all         histogram
}

func newCallers(g *gateway, w *workload, n int, rate float64) (*callers, error) {
	pem, err := os.ReadFile(g.caFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	c := &callers{work: w, gateway: g, rate: rate, connections: map[net.Conn]bool{}, posted: make([]int, n), confirmed: make([]int, n)}
	c.client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		DialContext: c.dial, MaxIdleConnsPerHost: n, MaxConnsPerHost: n,
		TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
	}}
	return c, nil
}

// dial remembers connections for reset.
func (c *callers) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.connections[conn] = true
	}
	return conn, err
}

// reset resets all connections, wherever their posts are.
func (c *callers) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.connections {
		if t, ok := conn.(*net.TCPConn); ok {
			_ = t.SetLinger(0) // it may be closed already
		}
		_ = conn.Close()
	}
	clear(c.connections)
}

// run posts until stop is closed, and then until each batch is confirmed or ctx ends.
func (c *callers) run(ctx context.Context, stop <-chan struct{}) error {
	errs := make([]error, len(c.posted))
	began := time.Now()
	var slots atomic.Int64
	var running sync.WaitGroup
	for caller := range c.posted {
		running.Go(func() {
			errs[caller] = c.call(ctx, stop, caller, func() time.Time {
				if c.rate == 0 {
					return time.Now()
				}
				return began.Add(time.Duration(float64(slots.Add(1)) / c.rate * float64(time.Second)))
			})
		})
	}
	running.Wait()
	c.client.CloseIdleConnections()
	return errors.Join(errs...)
}

// call is one caller. due says when its next batch is to be posted: with a rate, the time
// that a batch waits for its caller counts, too.
func (c *callers) call(ctx context.Context, stop <-chan struct{}, caller int, due func() time.Time) error {
	var calm, all histogram
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.calm.merge(&calm)
		c.all.merge(&all)
	}()
	var body []byte
	for n := 0; c.most == 0 || n < c.most; n++ {
		at := due()
		if wait := time.Until(at); wait > 0 {
			select {
			case <-stop:
			case <-time.After(wait):
			}
		}
		select {
		case <-stop:
			return nil
		default:
		}
		body = c.work.batch(body[:0], caller, n)
		c.posted[caller] = n + 1
		quiet := !c.disturbed.Load()
		if err := c.confirm(ctx, body); err != nil {
			return err
		}
		c.confirmed[caller] = n + 1
		took := time.Since(at)
		if all.add(took); quiet && !c.disturbed.Load() {
			calm.add(took)
		}
	}
	return nil
}

// confirm posts a batch until it is answered 2xx.
func (c *callers) confirm(ctx context.Context, body []byte) error {
	for {
		status, err := c.post(ctx, body)
		switch {
		case err == nil && status == http.StatusOK:
			return nil
		case err == nil && status != http.StatusServiceUnavailable:
			return fmt.Errorf("a good batch was answered %d", status)
		}
		c.again.Add(1)
		select {
		case <-ctx.Done():
			return fmt.Errorf("a batch was not confirmed: %w", errors.Join(ctx.Err(), err))
		case <-time.After(time.Duration(50+rand.IntN(100)) * time.Millisecond): //nolint:gosec // it is no secret
		}
	}
}

func (c *callers) post(ctx context.Context, body []byte) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+c.gateway.doors+"/webhook", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.GetBody = nil // the transport must not post again by itself: posts are counted
	req.Header.Set("Authorization", c.gateway.secret)
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}
