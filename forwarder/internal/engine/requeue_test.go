package engine

import (
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// settleCounts counts how often the messages of a group are settled.
type settleCounts []int

func (s settleCounts) Settle(i int, _ producer.Result) { s[i]++ }

// enqueueGroup puts a group at the end of p.
func enqueueGroup(p *topicPartition, messages []producer.Message, owner producer.Settler) *submission {
	s := newSubmission(&producer.Group{Messages: messages, Owner: owner})
	s.partition = p.id
	p.waiting.pushBack(s)
	p.addWaitingBytesLocked(s.waitingBytes())
	return s
}

// When a message of a group was refused and its neighbours wait again, only those
// behind the refused one can be withdrawn: a caller that withdraws the rest of a
// group settles all of it.
func TestEngine_requeue_refused(t *testing.T) {
	for name, c := range map[string]struct {
		messages int
		refused  int32
		first    int // that is withdrawn
	}{
		"the last":  {2, 1, 2},
		"the first": {3, 0, 1},
		"between":   {3, 1, 2},
	} {
		t.Run(name, func(t *testing.T) {
			p, settled := testPartition(), make(settleCounts, c.messages)
			e := testEngine(p)
			one := enqueueGroup(p, make([]producer.Message, c.messages), settled)
			b := &recordBatch{}
			p.sealLocked(b, 1<<10)

			var done settlements
			block := &sarama.ProduceResponseBlock{Err: sarama.ErrInvalidRecord, RecordErrors: []sarama.ProduceResponseRecordError{{BatchIndex: c.refused}}}
			e.rejectedLocked(p, b, block, rejected, &done, time.Now())
			if len(p.sealed) == 1 {
				e.requeueLocked(p)
			}
			first := e.withdrawRestLocked(one)
			e.settle(&done)
			assert.Equal(t, c.first, first)
			for i := first; i < c.messages; i++ {
				settled.Settle(i, producer.Result{})
			}
			for i, times := range settled {
				assert.LessOrEqual(t, times, 1, "message %d", i)
			}
		})
	}
}
