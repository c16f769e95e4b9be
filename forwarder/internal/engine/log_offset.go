package engine

import (
	"encoding/binary"

	"github.com/IBM/sarama"
)

// ListOffsets is written and read here as Fetch is: Sarama would wait, and not be
// interrupted, when a broker with a quota has throttled the question before.

const (
	offsetKey = 2

	// offsetVersion is that of Kafka 0.11. Kafka 4 has it still (KIP-896).
	offsetVersion = 2
)

// offsetRequest asks for the first offset with a timestamp, or a later one.
func offsetRequest(topic string, partition int32, timestamp int64) []byte {
	b := []byte{
		0xff, 0xff, 0xff, 0xff, // no replica
		0, // also what is not committed
	}
	return binary.BigEndian.AppendUint64(appendOnlyPartition(b, topic, partition), uint64(timestamp)) //nolint:gosec // as the protocol has it
}

// readOffset reads the answer to an offsetRequest; -1: there is none.
func readOffset(answer []byte, topic string, partition int32) (int64, error) {
	r := byteReader{rest: answer}
	r.partition(topic, partition)
	code := sarama.KError(r.int16())
	r.int64() // its timestamp
	offset := r.int64()
	switch {
	case r.odd || offset < -1:
		return 0, errOddLogAnswer
	case code != sarama.ErrNoError:
		return 0, code
	default:
		return offset, nil
	}
}
