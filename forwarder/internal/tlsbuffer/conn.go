// Package tlsbuffer writes what a Kafka request is made of at once. It lies on both
// sides of TLS, which knows neither where a request begins nor where it ends.
package tlsbuffer

import (
	"crypto/tls"
	"net"
	"sync"
)

// Client is [tls.Client] for a [Conn]. It changes cfg: records are as large as
// they can be from the first one on. crypto/tls begins with one per TCP segment,
// so that a browser can use the first before the second is there. A broker can
// do nothing with a part of a request.
func Client(raw net.Conn, cfg *tls.Config, b *Buffers) *tls.Conn {
	cfg.DynamicRecordSizingDisabled = true
	return tls.Client(&gatherer{Conn: raw, buffers: b}, cfg)
}

// A Conn is a TLS connection whose records go to the network together: those of
// one Write.
type Conn struct {
	net.Conn

	below   *gatherer  // nil: every record goes by itself
	writing sync.Mutex // one Write at a time gathers, and hears what came of it
}

// Over gathers if conn is one of Client's.
func Over(conn *tls.Conn) *Conn {
	below, _ := conn.NetConn().(*gatherer)
	return &Conn{Conn: conn, below: below}
}

// NetConn returns what is below, as that of tls.Conn does.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// Write sends all of b. If it fails, it says that it has sent nothing, because
// it is unknown what has arrived; TLS is of no use any more then.
func (c *Conn) Write(b []byte) (int, error) {
	if c.below == nil {
		return c.Conn.Write(b)
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	if len(b) <= recordSize { // one record is one system call as it is, without a copy
		return c.Conn.Write(b)
	}
	c.below.start()
	n, err := c.Conn.Write(b)
	if unsent := c.below.end(); err == nil {
		err = unsent
	}
	if err != nil {
		return 0, err
	}
	return n, nil
}

// Close lets a Write under way fail, as that of tls.Conn does, which waits to say
// goodbye only if there is none. It cannot know of one that has left TLS behind.
func (c *Conn) Close() error {
	if c.below == nil || !c.below.isGathering() {
		return c.Conn.Close()
	}
	err := c.below.Close()
	_ = c.Conn.Close() // so that TLS knows; what is below is closed
	return err
}
