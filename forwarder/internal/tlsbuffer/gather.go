package tlsbuffer

import (
	"io"
	"net"
	"sync"
)

const (
	recordSize   = 16 << 10         // the most that one record of TLS carries
	sealedSize   = recordSize + 256 // and what no record of crypto/tls exceeds, sealed
	gatherAtMost = 16 * sealedSize  // whole records, so that the last of a full buffer is not a crumb

	changeCipherSpec = 20 // types of records, which is the byte they begin with
	handshakeRecord  = 22
)

// A gatherer lies between TLS and the network. crypto/tls makes a system call
// for every record, so for every 16 KB, and a Kafka request can have megabytes.
// While the side above TLS is inside of a Write, between start and end, the
// gatherer keeps what TLS gives it and passes on 256 KB at a time: more would
// let the kernel wait for work, and fill memory.
//
// TLS can write on its own meanwhile, when it reads: the answer to a key update,
// an alert. That comes in between, in the order in which TLS made it, and never
// waits for the network while end does: closing a tls.Conn begins with an alert.
//
// Everything else, Close and the deadlines, goes to the network directly.
type gatherer struct {
	net.Conn
	buffers *Buffers // a connection has none of its own while it is idle

	sending sync.Mutex // held while the network takes something; taken before mu

	mu        sync.Mutex // never held while something waits
	gathering bool
	kept      []byte // not sent yet; nothing unless gathering
	err       error  // why something kept was not sent; nothing can follow it
}

// Buffers are for the requests that are being written; all connections share
// them. The zero value is ready for use.
type Buffers struct{ pool sync.Pool } // of *gathered

// gathered is what buffers are made of.
type gathered [gatherAtMost]byte

// NetConn returns what is below, as that of tls.Conn does.
func (g *gatherer) NetConn() net.Conn { return g.Conn }

// start makes Write keep what it gets, until end.
func (g *gatherer) start() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gathering = true
}

// end sends what is left and says whether all since start is sent. If it is
// not, it is unknown what the peer got, and all later writes fail.
func (g *gatherer) end() error {
	for {
		err := g.flush()
		if g.stop(err) {
			return err
		}
	}
}

// stop ends the gathering, unless TLS wrote something on its own since flush.
func (g *gatherer) stop(err error) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err == nil && len(g.kept) > 0 {
		return false
	}
	g.release(g.kept)
	g.kept, g.gathering = nil, false
	return true
}

func (g *gatherer) isGathering() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.gathering
}

// Write takes what TLS calls with: a record, or several of a handshake.
func (g *gatherer) Write(b []byte) (int, error) {
	kept, full, err := g.keep(b)
	switch {
	case err != nil:
		return 0, err
	case !kept:
		g.sending.Lock()
		defer g.sending.Unlock()
		return g.Conn.Write(b)
	case full:
		if err := g.flush(); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

// keep puts b with the rest, if this is the time to, and reports whether the
// rest should go now.
func (g *gatherer) keep(b []byte) (kept, full bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil || !g.gathering || len(b) == 0 {
		return false, false, g.err
	}
	if g.kept == nil {
		g.kept = g.buffer()
	}
	g.kept = append(g.kept, b...)
	// With TLS 1.2 the peer can ask for another handshake, if the caller's
	// tls.Config.Renegotiation lets it. A Write waits until that is over, so its
	// messages must not wait for the Write.
	urgent := b[0] == handshakeRecord || b[0] == changeCipherSpec
	return true, urgent || cap(g.kept)-len(g.kept) < sealedSize, nil
}

// flush sends what is kept. One at a time, or records would change places.
func (g *gatherer) flush() error {
	g.sending.Lock()
	defer g.sending.Unlock()
	g.mu.Lock()
	kept, err := g.kept, g.err
	g.kept = nil
	g.mu.Unlock()

	if err == nil && len(kept) > 0 {
		var n int
		if n, err = g.Conn.Write(kept); err == nil && n < len(kept) {
			err = io.ErrShortWrite // of a caller's connection
		}
		if err != nil {
			g.mu.Lock()
			g.err = err
			g.mu.Unlock()
		}
	}
	g.release(kept)
	return err
}

func (g *gatherer) buffer() []byte {
	b, ok := g.buffers.pool.Get().(*gathered)
	if !ok {
		b = new(gathered)
	}
	return b[:0]
}

// release keeps b for any connection. If it has grown, by a handshake that was
// larger, it is of no use to others.
func (g *gatherer) release(b []byte) {
	if cap(b) == gatherAtMost {
		g.buffers.pool.Put((*gathered)(b[:gatherAtMost]))
	}
}
