package forwarder

import (
	"encoding/binary"
	"errors"
	"net"

	"github.com/IBM/sarama"
)

// A link is a connection that keeps the first bytes the broker sent. They say
// two things that Sarama does not pass on: whether this is Kafka's protocol,
// and which SASL mechanisms there are.
type link struct {
	net.Conn
	heard []byte
}

const (
	mostHeard = 8 << 10 // the answers up to the SASL handshake have 1 KB
	longest   = 1 << 24 // first answer; it says which versions of which requests there are
)

var errNotKafka = errors.New("the answer is not in Kafka's protocol")

// NetConn returns what is below, as that of tls.Conn does.
func (l *link) NetConn() net.Conn { return l.Conn }

// Read checks the size that every answer begins with before Sarama takes it
// for the size of a buffer: "HTTP" stands for a gigabyte.
func (l *link) Read(b []byte) (int, error) {
	if l.foreign() { // Sarama asks twice
		return 0, errNotKafka
	}
	n, err := l.Conn.Read(b)
	l.heard = append(l.heard, b[:min(n, mostHeard-len(l.heard))]...)
	if l.foreign() {
		return 0, errNotKafka
	}
	return n, err
}

func (l *link) foreign() bool {
	if len(l.heard) < 4 {
		return false
	}
	size := binary.BigEndian.Uint32(l.heard)
	return size < 4 || size > longest
}

// mechanisms lists what the broker offers, if its last answer was the refusal
// of a mechanism.
func (l *link) mechanisms() []string {
	rest := l.heard
	var last []byte
	for len(rest) >= 4 {
		size := int(binary.BigEndian.Uint32(rest))
		if rest = rest[4:]; size > len(rest) {
			return nil
		}
		last, rest = rest[:size], rest[size:]
	}
	const head = 4 + 2 + 4 // correlation id, error, number of mechanisms
	if len(last) < head || sarama.KError(binary.BigEndian.Uint16(last[4:])) != sarama.ErrUnsupportedSASLMechanism {
		return nil
	}
	var list []string
	for last = last[head:]; len(last) >= 2; {
		size := int(binary.BigEndian.Uint16(last))
		if last = last[2:]; size > len(last) {
			return nil
		}
		list, last = append(list, string(last[:size])), last[size:]
	}
	return list
}
