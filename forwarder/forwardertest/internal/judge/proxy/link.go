package proxy

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A link is one connection through a proxy.
type link struct {
	proxy          *Proxy
	client, broker net.Conn
	busy           atomic.Bool // the client was the last to say something
	once           sync.Once
	done           chan struct{}
}

const chunk = 16 << 10

// copy carries one direction until either side ends.
func (l *link) copy(dst, src net.Conn, request bool) {
	defer l.end()
	buf := make([]byte, chunk)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			if request {
				l.busy.Store(true)
			}
			swallowed, ok := l.pass(dst, buf[:n], request)
			if !ok {
				return
			}
			if !request && !swallowed {
				l.busy.Store(false)
			}
		}
		if err != nil {
			return
		}
	}
}

// pass writes a piece of data as the faults in force have it.
func (l *link) pass(dst net.Conn, data []byte, request bool) (swallowed, ok bool) {
	p := l.proxy
	p.mu.Lock()
	gate, wait, swallow := p.gate, p.delay, p.swallow && !request
	if p.rate > 0 {
		wait += time.Duration(len(data)) * time.Second / time.Duration(p.rate)
	}
	held := false
	select {
	case <-gate:
	default:
		held = true
	}
	if held || swallow || wait > 0 {
		p.hits++
	}
	p.mu.Unlock()
	if swallow {
		return true, true
	}
	select {
	case <-gate:
	case <-l.done:
		return false, false
	}
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-l.done:
			return false, false
		}
	}
	_, err := dst.Write(data)
	return false, err == nil
}

// end closes both sides.
func (l *link) end() {
	l.once.Do(func() {
		close(l.done)
		_ = l.client.Close()
		_ = l.broker.Close()
	})
}

// reset cuts both sides without TCP's goodbye.
func (l *link) reset() {
	l.once.Do(func() {
		close(l.done)
		reset(l.client)
		reset(l.broker)
	})
}

func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}
