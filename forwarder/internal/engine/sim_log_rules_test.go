package engine

import (
	"math"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sequence is a batch of n records from a producer.
func sequence(producer int64, epoch int16, first int32, n int) *simBatch {
	return &simBatch{producer: producer, epoch: epoch, first: first, records: make([]simRecord, n)}
}

// Kafka's rules for the sequence numbers of producers.
func TestSimLog_sequences(t *testing.T) {
	const (
		no        = sarama.ErrNoError
		outOf     = sarama.ErrOutOfOrderSequenceNumber
		fenced    = sarama.ErrInvalidProducerEpoch
		most      = math.MaxInt32
		fresh     = int64(-1) // appended, not found
		duplicate = int64(0)  // found at the beginning
	)
	for _, test := range []struct {
		name    string
		written []*simBatch
		next    *simBatch
		err     sarama.KError
		at      int64
	}{
		{"any first number", nil, sequence(1, 3, 17, 2), no, fresh},
		{"the one that is due", []*simBatch{sequence(1, 0, 0, 3)}, sequence(1, 0, 3, 2), no, fresh},
		{"a gap", []*simBatch{sequence(1, 0, 0, 3)}, sequence(1, 0, 4, 2), outOf, fresh},
		{"the same again", []*simBatch{sequence(1, 0, 0, 3)}, sequence(1, 0, 0, 3), no, duplicate},
		{"a part of it", []*simBatch{sequence(1, 0, 0, 3)}, sequence(1, 0, 0, 2), outOf, fresh},
		{"more than it", []*simBatch{sequence(1, 0, 0, 3)}, sequence(1, 0, 0, 4), outOf, fresh},
		{"the fifth last", []*simBatch{
			sequence(1, 0, 0, 1), sequence(1, 0, 1, 1), sequence(1, 0, 2, 1), sequence(1, 0, 3, 1), sequence(1, 0, 4, 1),
		}, sequence(1, 0, 0, 1), no, duplicate},
		{"the sixth last", []*simBatch{
			sequence(1, 0, 0, 1), sequence(1, 0, 1, 1), sequence(1, 0, 2, 1), sequence(1, 0, 3, 1), sequence(1, 0, 4, 1), sequence(1, 0, 5, 1),
		}, sequence(1, 0, 0, 1), outOf, fresh},
		{"a new epoch", []*simBatch{sequence(1, 0, 0, 3)}, sequence(1, 1, 0, 3), no, fresh},
		{"a new epoch that goes on", []*simBatch{sequence(1, 0, 0, 3)}, sequence(1, 1, 3, 3), outOf, fresh},
		{"an old epoch", []*simBatch{sequence(1, 0, 0, 3), sequence(1, 1, 0, 1)}, sequence(1, 0, 3, 1), fenced, fresh},
		{"the same again of an old epoch", []*simBatch{sequence(1, 0, 0, 3), sequence(1, 1, 0, 1)}, sequence(1, 0, 0, 3), fenced, fresh},
		{"another producer", []*simBatch{sequence(1, 0, 0, 3)}, sequence(2, 0, 0, 3), no, fresh},
		{"not idempotent", []*simBatch{sequence(-1, -1, -1, 3)}, sequence(-1, -1, -1, 3), no, fresh},
		{"behind the last number", []*simBatch{sequence(1, 0, most-1, 2)}, sequence(1, 0, 0, 1), no, fresh},
		{"across the last number", []*simBatch{sequence(1, 0, most-1, 4)}, sequence(1, 0, 2, 1), no, fresh},
		{"across it again", []*simBatch{sequence(1, 0, most-1, 4)}, sequence(1, 0, most-1, 4), no, duplicate},
		{"a negative number", nil, sequence(1, 0, math.MinInt32, 1), sarama.ErrInvalidRecord, fresh},
	} {
		t.Run(test.name, func(t *testing.T) {
			var l simLog
			for _, b := range test.written {
				already, err := l.check(b)
				require.Equal(t, no, err)
				require.Nil(t, already)
				l.write(b)
			}
			already, err := l.check(test.next)
			assert.Equal(t, test.err, err)
			if test.at == fresh {
				assert.Nil(t, already)
			} else if assert.NotNil(t, already) {
				assert.Equal(t, test.at, already.offset)
			}
		})
	}
}

// Records that were not replicated may go with their leader, and then no broker remembers its
// numbers either.
func TestSimLog_lead(t *testing.T) {
	var l simLog
	l.write(sequence(1, 0, 0, 3))
	l.safe = l.end
	l.write(sequence(1, 0, 3, 2))
	l.write(sequence(2, 0, 0, 1))
	assert.Equal(t, 2, l.open())

	l.lead(2)
	assert.Equal(t, int64(3), l.end)
	assert.Equal(t, 0, l.open())
	already, err := l.check(sequence(1, 0, 3, 2))
	assert.Nil(t, already)
	assert.Equal(t, sarama.ErrNoError, err)
	_, err = l.check(sequence(1, 0, 5, 2))
	assert.Equal(t, sarama.ErrOutOfOrderSequenceNumber, err)
	assert.Nil(t, l.producers[2])
	assert.Nil(t, l.at(3))
	assert.NotNil(t, l.at(2))

	l.write(sequence(1, 0, 3, 2))
	l.lead(0) // all have come along
	assert.Equal(t, l.end, l.safe)
	assert.Equal(t, int32(4), l.producers[1].last)
}
