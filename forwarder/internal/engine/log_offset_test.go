package engine

import (
	"encoding/binary"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReadOffset(t *testing.T) {
	e := binary.BigEndian
	answerOf := func(code sarama.KError, offset int64) []byte {
		b := appendOnlyPartition(e.AppendUint32(nil, 7), "events", 4) // throttled
		b = e.AppendUint16(b, uint16(code))
		return e.AppendUint64(e.AppendUint64(b, 1_800_000_000_000), uint64(offset))
	}
	offset, err := readOffset(answerOf(0, 50), "events", 4)
	require.NoError(t, err)
	assert.Equal(t, int64(50), offset)
	offset, err = readOffset(answerOf(0, -1), "events", 4)
	require.NoError(t, err)
	assert.Equal(t, int64(-1), offset)
	_, err = readOffset(answerOf(sarama.ErrTopicAuthorizationFailed, -1), "events", 4)
	assert.ErrorIs(t, err, sarama.ErrTopicAuthorizationFailed)
	_, err = readOffset(answerOf(0, -2), "events", 4)
	assert.ErrorIs(t, err, errOddLogAnswer)
	_, err = readOffset(answerOf(0, 50), "other", 4)
	assert.ErrorIs(t, err, errOddLogAnswer)
	for end := range answerOf(0, 50) {
		_, err = readOffset(answerOf(0, 50)[:end], "events", 4)
		require.ErrorIs(t, err, errOddLogAnswer, "%d bytes", end)
	}
}

// The request that Kafka 0.11 to 4 read.
func TestOffsetRequest(t *testing.T) {
	assert.Equal(t, []byte{
		0xff, 0xff, 0xff, 0xff, // no replica
		0,          // also what is not committed
		0, 0, 0, 1, // topic
		0, 1, 't',
		0, 0, 0, 1, // partition
		0, 0, 0, 4,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, // the newest
	}, offsetRequest("t", 4, sarama.OffsetNewest))
}
