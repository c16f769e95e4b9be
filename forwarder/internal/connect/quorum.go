package connect

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/IBM/sarama"
)

// Brokers tell no time of their own. But the controller of a cluster with KRaft says
// when its replicas have fetched last, by its own clock, and counts itself as fetching
// now (KIP-836, LeaderState of Kafka's package raft). Sarama does not have that
// request.
const (
	keyDescribeQuorum     = 55
	describeQuorumVersion = 1 // Kafka 3.3
	quorumCorrelationID   = math.MaxInt32
	quorumTopic           = "__cluster_metadata"
	maxQuorumAnswer       = 1 << 20
)

// ErrNoTime is that a broker tells no time, since it does not know the request.
var ErrNoTime = errors.New("the broker tells no time: needs Kafka 3.3 or newer, with KRaft")

var errQuorumAnswer = errors.New("the answer about the quorum is not understood")

// A ControllerTime is the controller's clock, read between two readings of ours.
type ControllerTime struct{ Before, Controller, After time.Time }

// Ahead returns how far this host's clock is ahead of the controller's, and by how
// much that may be wrong.
func (t ControllerTime) Ahead() (ahead, uncertain time.Duration) {
	uncertain = t.After.Sub(t.Before)/2 + time.Millisecond // the controller counts in these
	return t.Before.Add(uncertain).Sub(t.Controller), uncertain
}

// ControllerTime asks for the controller's time. The error is ErrNoTime, or the
// broker's code if it refuses.
func (l *Link) ControllerTime(ctx context.Context) (t ControllerTime, err error) {
	if !l.conn.apiVersions().knows(keyDescribeQuorum, describeQuorumVersion) {
		return t, ErrNoTime
	}
	var answer []byte
	err = l.ask(ctx, asking, func(*Broker) (err error) {
		t.Before = time.Now()
		answer, err = l.exchange(describeQuorum(l.cfg.ClientID))
		t.After = time.Now()
		return err
	})
	if err != nil {
		return t, err
	}
	t.Controller, err = parseQuorum(answer)
	return t, err
}

// exchange sends a request past Sarama, which reads nothing while it has not asked.
func (l *Link) exchange(request []byte) (answer []byte, err error) {
	if _, err := l.conn.Write(request); err != nil {
		return nil, err
	}
	var size [4]byte
	if _, err := io.ReadFull(l.conn, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxQuorumAnswer {
		return nil, errQuorumAnswer
	}
	answer = make([]byte, n)
	_, err = io.ReadFull(l.conn, answer)
	return answer, err
}

// describeQuorum returns the request, its size included.
func describeQuorum(clientID string) []byte {
	be := binary.BigEndian
	b := make([]byte, 4, 64+len(clientID))
	b = be.AppendUint16(b, keyDescribeQuorum)
	b = be.AppendUint16(b, describeQuorumVersion)
	b = be.AppendUint32(b, quorumCorrelationID)
	b = be.AppendUint16(b, uint16(len(clientID))) //nolint:gosec // a client id is short
	b = append(b, clientID...)
	const tags, one = 0, 1 + 1 // lengths are one more than they are
	b = append(b, tags, one, byte(len(quorumTopic)+1))
	b = append(b, quorumTopic...)
	b = append(b, one)
	b = be.AppendUint32(b, 0) // the partition
	b = append(b, tags, tags, tags)
	be.PutUint32(b, uint32(len(b)-4)) //nolint:gosec // short
	return b
}

// parseQuorum returns the latest time in an answer, which is the controller's now.
func parseQuorum(answer []byte) (time.Time, error) {
	r := flexibleReader{rest: answer}
	if r.uint32() != quorumCorrelationID {
		return time.Time{}, errQuorumAnswer
	}
	r.noTags()
	code := sarama.KError(r.uint16()) //nolint:gosec // as the protocol has it
	latest := int64(0)
	for range r.length() { // topics
		r.skip(r.length())
		for range r.length() { // partitions
			r.skip(4)
			if own := sarama.KError(r.uint16()); own != sarama.ErrNoError { //nolint:gosec // as the protocol has it
				code = own
			}
			r.skip(4 + 4 + 8) // leader, epoch, high watermark
			for range 2 {     // voters, then observers
				for range r.length() {
					r.skip(4 + 8) // id, end of the log
					latest = max(latest, r.int64(), r.int64())
					r.noTags()
				}
			}
			r.noTags()
		}
		r.noTags()
	}
	r.noTags()
	switch {
	case code != sarama.ErrNoError:
		return time.Time{}, code
	case r.failed || latest <= 0:
		return time.Time{}, fmt.Errorf("%w: %d bytes", errQuorumAnswer, len(answer))
	default:
		return time.UnixMilli(latest), nil
	}
}

// A flexibleReader reads an answer of a flexible version (KIP-482). Once something is
// missing, or is not as expected, it has failed and returns zeros.
type flexibleReader struct {
	rest   []byte
	failed bool
}

func (r *flexibleReader) take(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.failed, r.rest = true, nil
		return make([]byte, 8)
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *flexibleReader) skip(n int)     { r.take(n) }
func (r *flexibleReader) uint16() uint16 { return binary.BigEndian.Uint16(r.take(2)) }
func (r *flexibleReader) uint32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }
func (r *flexibleReader) int64() int64   { return int64(binary.BigEndian.Uint64(r.take(8))) } //nolint:gosec // as the protocol has it

// length reads that of a string or an array, at most as many as there are bytes.
func (r *flexibleReader) length() int {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || n == 0 || n > uint64(len(r.rest)) {
		r.failed, r.rest = r.failed || n != 0 || size <= 0, r.rest[max(0, min(size, len(r.rest))):]
		return 0
	}
	r.rest = r.rest[size:]
	return int(n) - 1 //nolint:gosec // bounded by what is there
}

// noTags reads the end of a structure, which has no tags in these versions.
func (r *flexibleReader) noTags() {
	if r.take(1)[0] != 0 {
		r.failed, r.rest = true, nil
	}
}
