package engine

import (
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
)

// What a broker adds to an error code may quote a message. Each message that it
// blames has its own text.
func TestRejectedError(t *testing.T) {
	e := &Engine{brokerSet: &brokerSet{brokers: map[int32]string{1: "b1:9093"}}}
	p := &topicPartition{lastBroker: 1}
	text := func(s string) *string { return &s }
	block := &sarama.ProduceResponseBlock{
		Err: sarama.ErrInvalidRecord, ErrorMessage: text(`{"mpid":1} is not allowed`),
		RecordErrors: []sarama.ProduceResponseRecordError{
			{BatchIndex: 0, BatchIndexErrorMessage: text(`{"mpid":2} is not allowed`)},
			{BatchIndex: 2, BatchIndexErrorMessage: text("One or more records have been rejected")},
		},
	}
	rejected := func(culprit, count int) string {
		return e.rejectedError(p, &recordBatch{count: count, bytes: 100}, block, culprit).Error()
	}
	invalid := sarama.ErrInvalidRecord.Error()
	assert.Equal(t, "broker 1 at b1:9093 rejected a message of 100 bytes: "+invalid, rejected(0, 1))
	assert.Equal(t, "broker 1 at b1:9093 rejected a message of 100 bytes: "+invalid, rejected(1, 1))
	assert.Equal(t, "broker 1 at b1:9093 rejected a message of 100 bytes: "+invalid+`: "One or more records have been rejected"`, rejected(2, 1))
	assert.Contains(t, rejected(wholeBatch, 3), "broker 1 at b1:9093 rejected 3 messages of 100 bytes: ")
	for culprit := wholeBatch; culprit < 3; culprit++ {
		assert.NotContains(t, rejected(culprit, 1), "mpid")
	}
	p.lastBroker = 7
	assert.Contains(t, rejected(0, 1), "broker 7 rejected ", "it is not in the metadata any more")
}
