// Package proxy stands between a client and one broker, reached by a dialer
// that takes its address for the broker's, so that brokers need no change and
// TLS passes through untouched. It cuts, holds, slows and swallows.
package proxy

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

const (
	dialTimeout = 5 * time.Second
	upTimeout   = 10 * time.Second
	upPause     = 20 * time.Millisecond
)

// A Proxy is one port of 127.0.0.1. Its methods may be called from any number
// of goroutines. Each kind of fault is in force once at a time: a second one
// replaces the first.
type Proxy struct {
	upstream string
	addr     string

	mu      sync.Mutex
	port    net.Listener // nil while down
	links   map[*link]struct{}
	gate    chan struct{} // closed unless held
	swallow bool
	delay   time.Duration
	rate    int // bytes a second and direction of each connection; 0: no limit
	hits    int // connections and chunks that faults have changed
	lost    int // connections that ended without an answer
	running sync.WaitGroup
}

// New opens a port that leads to a broker.
func New(upstream string) (*Proxy, error) {
	open := make(chan struct{})
	close(open)
	p := &Proxy{upstream: upstream, addr: "127.0.0.1:0", links: map[*link]struct{}{}, gate: open}
	if err := p.Up(); err != nil {
		return nil, err
	}
	return p, nil
}

// Addr is where clients connect.
func (p *Proxy) Addr() string { return p.addr }

// Up opens the port again after Down. The system also gives it to outgoing
// connections, of which one may have it for a moment: Up waits for that to
// pass.
func (p *Proxy) Up() error {
	deadline := time.Now().Add(upTimeout)
	for {
		err := p.open()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		<-time.After(upPause)
	}
}

func (p *Proxy) open() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.port != nil {
		return nil
	}
	port, err := new(net.ListenConfig).Listen(context.Background(), "tcp", p.addr)
	if err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	p.port, p.addr = port, port.Addr().String()
	p.running.Go(func() { p.accept(port) })
	return nil
}

// Down closes the port and cuts all connections. It returns how many of them
// waited for an answer.
func (p *Proxy) Down() int {
	p.mu.Lock()
	if p.port != nil {
		_ = p.port.Close()
		p.port = nil
	}
	p.mu.Unlock()
	return p.Cut()
}

// Cut resets all connections. It returns how many of them waited for an answer.
func (p *Proxy) Cut() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	busy := 0
	for l := range p.links {
		if l.busy.Load() {
			busy++
		}
		l.reset()
	}
	p.hits += len(p.links)
	return busy
}

// Busy returns how many connections wait for an answer.
func (p *Proxy) Busy() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	busy := 0
	for l := range p.links {
		if l.busy.Load() {
			busy++
		}
	}
	return busy
}

// Hits returns how many connections were cut, and how many pieces of data were
// held, delayed, slowed down or swallowed so far.
func (p *Proxy) Hits() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hits
}

// Lost returns how many connections have ended, by either side, while they
// waited for an answer.
func (p *Proxy) Lost() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost
}

// Hold stops everything until the function it returns is called.
func (p *Proxy) Hold() (release func()) {
	gate := make(chan struct{})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gate = gate
	return sync.OnceFunc(func() { close(gate) })
}

// Swallow drops what brokers answer; a connection that lost a part of what was
// said on it must be cut later, or it stays useless.
func (p *Proxy) Swallow(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.swallow = on
}

// Slow delays each piece of data and limits bytes a second; zeros end that.
func (p *Proxy) Slow(delay time.Duration, bytesPerSecond int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay, p.rate = delay, bytesPerSecond
}

// Close closes the port, cuts all connections and waits for their end.
func (p *Proxy) Close() {
	p.Down()
	p.running.Wait()
}

func (p *Proxy) accept(port net.Listener) {
	for {
		client, err := port.Accept()
		if err != nil {
			return // closed
		}
		p.running.Go(func() { p.serve(port, client) })
	}
}

func (p *Proxy) serve(port net.Listener, client net.Conn) {
	d := net.Dialer{Timeout: dialTimeout}
	broker, err := d.DialContext(context.Background(), "tcp", p.upstream)
	if err != nil { // to the client the broker is gone: a reset, not an orderly end
		reset(client)
		return
	}
	l := &link{proxy: p, client: client, broker: broker, done: make(chan struct{})}
	p.mu.Lock()
	late := p.port != port
	p.links[l] = struct{}{}
	p.mu.Unlock()
	if late {
		l.reset()
	}
	var wg sync.WaitGroup
	wg.Go(func() { l.copy(broker, client, true) })
	wg.Go(func() { l.copy(client, broker, false) })
	wg.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
	if l.busy.Load() {
		p.lost++
	}
}
