package engine

import (
	"cmp"
	"time"

	"github.com/IBM/sarama"
)

const (
	// maxRecordBatchBytes is the size of a record batch before compression.
	// Codecs find more to repeat in it than in smaller ones and need less time
	// for each byte; larger ones gain nothing more.
	maxRecordBatchBytes = 512 << 10

	// defaultMaxRequestBytes is below the limit of Azure Event Hubs, which closes
	// connections on requests above 1,046,528 bytes.
	defaultMaxRequestBytes = 1_040_000

	// produceRequestOverhead is more than what a request has beside its messages.
	produceRequestOverhead = 1024

	// maxRequestBytes bounds a request before compression. Larger ones gain nothing.
	maxRequestBytes = 2 << 20

	// maxGathered is how many times what a request may take on the wire it gathers
	// before compression, at most: so memory stays in proportion to the setting.
	maxGathered = 2

	// minPipelinedBytes is the size from which messages are worth a second request
	// while one is in flight.
	minPipelinedBytes = 64 << 10

	// maxInnocentBytes is the size up to which a record batch is not to blame for a
	// closed connection: no broker limits requests to so little, since those that
	// authenticate are not much smaller.
	maxInnocentBytes = 1 << 10

	// maxInFlight is the number of requests in flight to a broker. A broker
	// handles those of one connection one after the other; the second spares it
	// the wait for the next.
	maxInFlight = 2
)

// sendLimits bound record batches and requests. Sizes are before compression, except onWire.
type sendLimits struct {
	recordBatch      int // of one partition; a larger message goes alone
	request          int // of all partitions of a broker
	fitting          int // of a request that fits on the wire however it compresses
	onWire           int // of a request after compression
	telling          int // see minTellingBytes
	minPipelined     int // see minPipelinedBytes
	innocent         int // see maxInnocentBytes
	linger           time.Duration
	firstSequence    int32
	codec            sarama.CompressionCodec
	compressionLevel int
}

func newSendLimits(c Config) sendLimits {
	onWire := cmp.Or(c.MaxRequestBytes, defaultMaxRequestBytes)
	// Incompressible messages grow by less than the difference between
	// producer.Message.Size and what the record format adds.
	fitting := min(maxRequestBytes, onWire-produceRequestOverhead)
	request := fitting
	if c.Sarama.Producer.Compression != sarama.CompressionNone {
		request = min(maxRequestBytes, maxGathered*fitting)
	}
	return sendLimits{
		// Brokers refuse record batches, not messages: none may be larger than the
		// messages that the topic is meant to take.
		recordBatch:      min(maxRecordBatchBytes, c.Sarama.Producer.MaxMessageBytes, fitting),
		request:          request,
		fitting:          fitting,
		onWire:           onWire,
		telling:          min(minTellingBytes, fitting/2), // so that ordinary requests tell something, and those that are refused do
		minPipelined:     minPipelinedBytes,
		innocent:         maxInnocentBytes,
		linger:           c.Sarama.Producer.Flush.Frequency,
		firstSequence:    c.FirstSequence,
		codec:            c.Sarama.Producer.Compression,
		compressionLevel: c.Sarama.Producer.CompressionLevel,
	}
}

// recordBatchFor returns the size limit of a partition's next record batch.
// learned is the limit that its broker has taught; 0: none.
func (l sendLimits) recordBatchFor(learned int) int {
	if learned > 0 {
		return min(l.recordBatch, learned)
	}
	return l.recordBatch
}
