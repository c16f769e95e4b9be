package connect

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"sync/atomic"

	"github.com/IBM/sarama"
)

// A sniffedConn keeps the first bytes that the broker sends. They say two things
// that Sarama does not pass on: whether this is Kafka's protocol, and which SASL
// mechanisms the broker offers.
type sniffedConn struct {
	net.Conn
	received []byte
	at       *progress // that notes the first answer; nil: nothing does
	headOnly bool      // what foreign needs is kept: nobody asks what else was received

	written     bool
	correlation atomic.Int64 // one more than the first request's correlation id; 0: not known
}

const (
	maxReceived    = 8 << 10 // the answers up to the SASL handshake have 1 KB
	headOfAnswer   = 4 + 4   // size and correlation id
	maxFirstAnswer = 1 << 24 // it lists the versions of all requests
)

var (
	errNotKafka = errors.New("the answer is not in Kafka's protocol")
	errHTTP     = fmt.Errorf("%w, but in HTTP", errNotKafka)
	errEcho     = fmt.Errorf("%w, but is the request sent back", errNotKafka)
)

// NetConn returns the connection below, as that of tls.Conn does.
func (c *sniffedConn) NetConn() net.Conn { return c.Conn }

// Write remembers the correlation id of the first request, which is written at once.
func (c *sniffedConn) Write(b []byte) (int, error) {
	if !c.written {
		c.written = true
		const at = 4 + 2 + 2 // behind size, key and version
		if len(b) >= at+4 {
			c.correlation.Store(int64(binary.BigEndian.Uint32(b[at:])) + 1)
		}
	}
	return c.Conn.Write(b)
}

// Read checks the size that every answer begins with before Sarama takes it
// for the size of a buffer: "HTTP" stands for a gigabyte.
func (c *sniffedConn) Read(b []byte) (int, error) {
	if err := c.foreign(); err != nil { // Sarama reads again after an error
		return 0, err
	}
	n, err := c.Conn.Read(b)
	if n > 0 && c.at != nil {
		c.at.answered.Store(true)
	}
	most := maxReceived
	if c.headOnly {
		most = headOfAnswer
	}
	c.received = append(c.received, b[:min(n, most-len(c.received))]...)
	if err := c.foreign(); err != nil {
		return 0, err
	}
	return n, err
}

// foreign returns an error if the first bytes are no plausible size, or the first
// answer is to no request of ours.
func (c *sniffedConn) foreign() error {
	if len(c.received) < 4 {
		return nil
	}
	if size := binary.BigEndian.Uint32(c.received); size < 4 || size > maxFirstAnswer {
		if string(c.received[:4]) == "HTTP" {
			return errHTTP
		}
		return errNotKafka
	}
	if sent := c.correlation.Load(); sent > 0 && len(c.received) >= headOfAnswer && int64(binary.BigEndian.Uint32(c.received[4:]))+1 != sent {
		return errEcho
	}
	return nil
}

// lacksScope reports whether the broker has answered that a token lacks a scope
// (RFC 7628, section 3.2.2). Sarama does not pass that answer on.
func (c *sniffedConn) lacksScope() bool {
	return bytes.Contains(c.received, []byte(`{"status":"insufficient_scope"`))
}

// mechanisms lists what the broker offers, if its last answer was the refusal
// of a mechanism.
func (c *sniffedConn) mechanisms() []string {
	rest := c.received
	var last []byte
	for len(rest) >= 4 {
		size := int(binary.BigEndian.Uint32(rest))
		if rest = rest[4:]; size > len(rest) {
			return nil
		}
		last, rest = rest[:size], rest[size:]
	}
	if len(last) < 6 || sarama.KError(binary.BigEndian.Uint16(last[4:])) != sarama.ErrUnsupportedSASLMechanism {
		return nil
	}
	return listIn(last)
}

// offered lists the SASL mechanisms that the broker offers to a client that chooses one
// of them, as far as it has told: whatever came of the login.
func (c *sniffedConn) offered() []string {
	frames := firstFrames(c.received, maxAnswersToAuthenticate)
	for i, frame := range frames {
		if len(frame) < 6 || sarama.KError(binary.BigEndian.Uint16(frame[4:])) != sarama.ErrNoError { //nolint:gosec // as the protocol has it
			continue
		}
		if i+1 < len(frames) { // behind the versions comes the answer to the SASL handshake
			return mechanismNames(listIn(frames[i+1]))
		}
		break
	}
	return nil
}

// maxAnswersToAuthenticate is more than a broker gives until a user is authenticated.
const maxAnswersToAuthenticate = 16

// firstFrames returns up to n complete answers.
func firstFrames(received []byte, n int) (frames [][]byte) {
	for len(frames) < n && len(received) >= 4 {
		size := binary.BigEndian.Uint32(received)
		received = received[4:]
		if uint64(size) > uint64(len(received)) {
			break
		}
		frames, received = append(frames, received[:size]), received[size:]
	}
	return frames
}

// listIn returns the mechanisms in the answer to a SASL handshake.
func listIn(answer []byte) (list []string) {
	const head = 4 + 2 + 4 // correlation id, error, number of mechanisms
	if len(answer) < head {
		return nil
	}
	for answer = answer[head:]; len(answer) >= 2; {
		size := int(binary.BigEndian.Uint16(answer))
		if answer = answer[2:]; size > len(answer) {
			return nil
		}
		list, answer = append(list, string(answer[:size])), answer[size:]
	}
	return list
}

func mechanismNames(mechanisms []string) []string {
	return slices.DeleteFunc(mechanisms, func(m string) bool { return !mechanismName.MatchString(m) })
}

// mechanismName is how RFC 4422 spells a mechanism.
var mechanismName = regexp.MustCompile(`^[A-Z0-9_-]{1,20}$`)
