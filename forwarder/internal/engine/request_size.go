package engine

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/IBM/sarama"
)

// A requestSize bounds the requests to a broker that has closed connections on
// larger ones. Brokers do that above socket.request.max.bytes, and do not say so.
//
// A lost connection halves the limit, whatever the reason; answers double it
// again. Only when a connection that has just answered a small request is closed
// on a larger one, its size counts as too large, and the limit stays below it for
// a while.
type requestSize struct {
	limit    int           // 0: none
	tooLarge int           // 0: not known
	hold     time.Duration // how long the limit stays below tooLarge
	until    time.Time     // the end of that
}

const (
	minTooLargeHold = 10 * time.Second
	maxTooLargeHold = 5 * time.Minute // the broker's configuration may have changed
)

// bound returns the smaller of most and the limit.
func (s *requestSize) bound(most int) int {
	if s.limit > 0 {
		return min(most, s.limit)
	}
	return most
}

// lost records that a connection was lost with a request of this size. verified:
// it had answered a request before.
func (s *requestSize) lost(size int, verified bool, now time.Time) {
	half := max(1, size/2)
	if s.limit == 0 || half < s.limit {
		s.limit = half
	}
	if verified {
		s.tooLarge = size
		s.hold = min(max(minTooLargeHold, 2*s.hold), maxTooLargeHold)
		s.until = now.Add(s.hold)
	}
}

// answered records that a request of this size was answered. most is the size
// that needs no limit.
func (s *requestSize) answered(size, most int, now time.Time) {
	if s.tooLarge > 0 && size >= s.tooLarge {
		s.tooLarge, s.hold = 0, 0
	}
	if s.limit == 0 || size < s.limit/2 { // the small one says nothing of larger ones
		return
	}
	ceiling := most
	if s.tooLarge > 0 && now.Before(s.until) {
		ceiling = min(ceiling, max(s.limit, s.tooLarge/4*3))
	}
	if s.limit = min(2*s.limit, ceiling); s.limit >= most {
		s.limit = 0
	}
}

// A connectionLoss says how a connection was lost.
type connectionLoss int8

const (
	lossByBroker connectionLoss = iota // closed or reset
	lossByTimeout
	lossByAbort // we closed it
)

// lossFrom returns how a connection was lost that failed with err.
func lossFrom(err error) connectionLoss {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, sarama.ErrNotConnected) {
		return lossByAbort
	}
	if network, ok := errors.AsType[net.Error](err); ok && network.Timeout() || errors.Is(err, os.ErrDeadlineExceeded) {
		return lossByTimeout
	}
	return lossByBroker
}

// closedOnRequestError is why a request was not answered whose connection was
// closed although it had answered a small request before.
func closedOnRequestError(broker fmt.Stringer, size int, codec sarama.CompressionCodec, err error) error {
	return fmt.Errorf("%s closed the connection on a request of %d bytes (before compression with %s): "+
		"set delivery.max_request_bytes to the broker's socket.request.max.bytes if that is lower: %w", broker, size, codec, err)
}

// A messageTooLargeForRequestError is why a message is given up that no request
// can carry.
type messageTooLargeForRequestError struct {
	broker string
	size   int
	cause  error
}

func (e *messageTooLargeForRequestError) Error() string {
	return fmt.Sprintf("%s closes the connection on a message of %d bytes, although it answers smaller requests: raise the "+
		"broker's socket.request.max.bytes, or lower delivery.max_message_bytes and delivery.max_request_bytes to it: %v",
		e.broker, e.size, e.cause)
}

func (e *messageTooLargeForRequestError) Unwrap() error { return e.cause }

// Permanent reports true: forwarding the message again cannot help.
func (*messageTooLargeForRequestError) Permanent() bool { return true }
