package engine

import (
	"errors"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/connect"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

func blaming(indexes ...int32) *sarama.ProduceResponseBlock {
	block := &sarama.ProduceResponseBlock{Err: sarama.ErrInvalidRecord}
	for _, i := range indexes {
		block.RecordErrors = append(block.RecordErrors, sarama.ProduceResponseRecordError{BatchIndex: i})
	}
	return block
}

func TestCulpritIndexes(t *testing.T) {
	assert.Equal(t, map[int]bool{0: true, 3: true}, culpritIndexes(blaming(-1, 0, 3, 4), 4))
	assert.Empty(t, culpritIndexes(blaming(), 4))
}

// sealedOf returns a partition with a record batch of so many messages.
func sealedOf(count int) (*Engine, *topicPartition, *recordBatch) {
	e, p, _ := ledBy()
	enqueueGroup(p, make([]producer.Message, count), make(settleCounts, count))
	b := &recordBatch{}
	p.sealLocked(b, 1<<20)
	return e, p, b
}

func counts(p *topicPartition) (list []int) {
	for _, b := range p.sealed {
		list = append(list, b.count)
	}
	return list
}

func TestRejected_culprits(t *testing.T) {
	e, p, b := sealedOf(6)
	var done settlements
	e.rejectedLocked(p, b, blaming(2), rejected, &done, time.Now())
	assert.Equal(t, []int{2, 3}, counts(p), "those before and behind it")
	if assert.Len(t, done.recordBatches, 1) {
		assert.Equal(t, producer.NotSent, done.recordBatches[0].result.Outcome)
		r := done.recordBatches[0].recordBatch.ranges
		assert.Equal(t, []int{2, 3}, []int{r[0].from, r[0].to})
	}
}

// Each message that is blamed fails with what the broker says of it.
func TestRejected_eachItsOwnText(t *testing.T) {
	e, p, b := sealedOf(6)
	block := blaming(2, 4)
	texts := []string{"One or more records have been rejected", "Compacted topic cannot accept message without key in topic partition events-0."}
	for i := range texts {
		block.RecordErrors[i].BatchIndexErrorMessage = &texts[i]
	}
	var done settlements
	e.rejectedLocked(p, b, block, rejected, &done, time.Now())
	if assert.Len(t, done.recordBatches, 2) {
		for i, rejected := range done.recordBatches {
			assert.ErrorContains(t, rejected.result.Err, texts[i])
			assert.NotContains(t, rejected.result.Err.Error(), texts[1-i])
		}
	}
}

// What a broker says of one message is not said of the others that it refuses with it.
func TestRejected_wholeText(t *testing.T) {
	general, own := "the policy forbids it", "Compacted topic cannot accept message without key in topic partition events-0."
	for name, tt := range map[string]struct {
		messages int
		want     string
	}{"several": {6, general}, "one": {1, own}} {
		t.Run(name, func(t *testing.T) {
			e, p, b := sealedOf(tt.messages)
			block := blaming(0)
			block.Err, block.ErrorMessage, block.RecordErrors[0].BatchIndexErrorMessage = sarama.ErrPolicyViolation, &general, &own
			var done settlements
			e.rejectedLocked(p, b, block, batchRejected, &done, time.Now())
			require.Len(t, done.recordBatches, 1)
			rejected, ok := errors.AsType[*connect.RejectedError](done.recordBatches[0].result.Err)
			require.True(t, ok)
			assert.Equal(t, tt.want, rejected.Text)
		})
	}
}

// If an earlier attempt may have been written, the messages that are blamed may
// have been, too: nothing is settled before they are alone.
func TestRejected_mayBeWritten(t *testing.T) {
	e, p, b := sealedOf(6)
	b.mayBeWritten = true
	var done settlements
	e.rejectedLocked(p, b, blaming(2), rejected, &done, time.Now())
	assert.Empty(t, done.recordBatches)
	assert.Equal(t, []int{3, 3}, counts(p))
	for _, part := range p.sealed {
		assert.True(t, part.mayBeWritten)
	}
}

// A size that was refused is not tried again: record batches are smaller from then
// on.
func TestRejected_limit(t *testing.T) {
	e, p, b := sealedOf(6)
	size := b.bytes
	var done settlements
	e.rejectedLocked(p, b, &sarama.ProduceResponseBlock{Err: sarama.ErrMessageSizeTooLarge}, rejected, &done, time.Now())
	assert.Equal(t, size/2, p.maxRecordBatchBytes)
	assert.Equal(t, size/2, e.limits.recordBatchFor(p.maxRecordBatchBytes))

	e, p, w := ledBy()
	p.maxRecordBatchBytes = 3 * producer.Message{}.Size()
	enqueueGroup(p, make([]producer.Message, 5), make(settleCounts, 5))
	e.scheduleLocked(p, time.Now())
	r := w.buildRequestLocked(time.Now())
	assert.Equal(t, 3, r.recordBatches[0].count, "the limit counts when the next one is sealed")
}
