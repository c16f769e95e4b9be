package engine

import (
	"errors"
	"math"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/connect"
)

// A saramaConn is a [brokerConn] through Sarama.
type saramaConn struct {
	topic   string // of metadata
	timeout time.Duration
	broker  *connect.Broker

	throttledUntil time.Time

	codec            sarama.CompressionCodec // of verify
	compressionLevel int
}

// abort implements [brokerConn].
func (c *saramaConn) abort() { c.broker.Abort() }

// close implements [brokerConn].
func (c *saramaConn) close() { _ = c.broker.Close() }

// produceVersion is the first whose answers name the new leader (KIP-951); they
// also name the messages that are to blame (KIP-467). Sarama lowers it to what the
// broker supports.
const produceVersion = 10

func (c *saramaConn) newProduceRequest() *sarama.ProduceRequest {
	return &sarama.ProduceRequest{
		RequiredAcks: sarama.WaitForAll,
		Timeout:      int32(c.timeout / time.Millisecond), //nolint:gosec // 10 seconds
		Version:      produceVersion,
	}
}

// produce implements [brokerConn].
func (c *saramaConn) produce(r *produceRequest, answered func(*sarama.ProduceResponse, error)) error {
	req := c.newProduceRequest()
	for _, p := range r.partitions {
		req.AddBatch(p.topic, p.partition, p.batch)
	}
	if r.mayBeSent != nil {
		c.broker.BeforeWrite(r.mayBeSent)
		defer c.broker.BeforeWrite(nil)
	}
	c.broker.LimitWrites(r.maxWritten)
	defer c.broker.LimitWrites(0)
	before := c.broker.Written()
	err := c.broker.Sarama().AsyncProduce(req, answered)
	r.written = int(c.broker.Written() - before)
	if large, ok := errors.AsType[*connect.WriteTooLargeError](err); ok {
		return &aboveMaxWrittenError{large.Bytes}
	}
	return err
}

// throttledFor implements [brokerConn].
func (c *saramaConn) throttledFor() time.Duration { return time.Until(c.throttledUntil) }

// closedByBroker implements [brokerConn].
func (c *saramaConn) closedByBroker() bool { return c.broker.ClosedByPeer() }

// verify implements [brokerConn]. It sends a small record batch, compressed like
// all others, to a partition that no topic has. What the broker says of that does
// not matter.
func (c *saramaConn) verify() error {
	now := time.Now()
	req := c.newProduceRequest()
	req.AddBatch(c.topic, math.MaxInt32, &sarama.RecordBatch{
		ProducerID: noProducerID, ProducerEpoch: -1, FirstSequence: -1, Version: recordBatchVersion, PartitionLeaderEpoch: -1,
		Codec: c.codec, CompressionLevel: c.compressionLevel, FirstTimestamp: now, MaxTimestamp: now,
		Records: []*sarama.Record{{}},
	})
	answer, err := c.broker.Sarama().Produce(req)
	if err == nil {
		c.throttledUntil = time.Now().Add(answer.ThrottleTime)
	}
	return err
}

// metadata implements [brokerConn].
func (c *saramaConn) metadata() (topicMetadata, error) {
	answer, err := c.broker.Metadata(c.topic, false)
	if err != nil {
		return topicMetadata{}, err
	}
	c.throttledUntil = time.Now().Add(time.Duration(answer.ThrottleTimeMs) * time.Millisecond)
	return readTopicMetadata(c.topic, answer)
}

// producerID implements [brokerConn].
func (c *saramaConn) producerID() (producerIDAnswer, error) {
	answer, err := c.broker.Sarama().InitProducerID(&sarama.InitProducerIDRequest{
		Version: producerIDVersion, ProducerID: noProducerID, ProducerEpoch: -1,
	})
	if err == nil {
		c.throttledUntil = time.Now().Add(answer.ThrottleTime)
	}
	switch {
	case err != nil:
		return producerIDAnswer{}, err
	case answer.Err != sarama.ErrNoError:
		return producerIDAnswer{}, answer.Err
	default:
		return producerIDAnswer{answer.ProducerID, answer.ProducerEpoch}, nil
	}
}

const producerIDVersion = 4
