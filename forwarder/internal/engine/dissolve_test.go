package engine

import (
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder/internal/deliver"
)

// told counts how often the messages of a group are settled.
type told []int

func (s told) Settle(i int, _ deliver.Result) { s[i]++ }

// waitIn puts a group at the end of q.
func waitIn(q *queue, messages []deliver.Message, owner deliver.Settler) *entry {
	t := newEntry(&deliver.Group{Messages: messages, Owner: owner})
	t.queue = q
	q.waiting.pushBack(t)
	q.countLocked(t.waitingBytes())
	return t
}

// When a message of a group was refused, and its neighbours are put back, what
// can be taken back are not those that the refused one stands behind: whoever
// takes back the rest of a group settles all of it.
func TestEngine_dissolve_refused(t *testing.T) {
	for name, c := range map[string]struct {
		messages int
		refused  int32
		first    int // that is taken back
	}{
		"the last":  {2, 1, 2},
		"the first": {3, 0, 1},
		"between":   {3, 1, 2},
	} {
		t.Run(name, func(t *testing.T) {
			e := &Engine{directory: &directory{kick: make(chan struct{}, 1)}}
			q, settled := newQueue(e, 0), make(told, c.messages)
			one := waitIn(q, make([]deliver.Message, c.messages), settled)
			b := e.sealLocked(q, 1<<10)

			var done settlements
			block := &sarama.ProduceResponseBlock{Err: sarama.ErrInvalidRecord, RecordErrors: []sarama.ProduceResponseRecordError{{BatchIndex: c.refused}}}
			e.refusedLocked(b, block, refused, &done, time.Now())
			if len(q.held) == 1 {
				e.dissolveLocked(q)
			}
			first := e.restLocked(one)
			done.settle(e)
			assert.Equal(t, c.first, first)
			for i := first; i < c.messages; i++ {
				settled.Settle(i, deliver.Result{})
			}
			for i, times := range settled {
				assert.LessOrEqual(t, times, 1, "message %d", i)
			}
		})
	}
}
