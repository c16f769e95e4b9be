package engine

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// What happens to a partition meanwhile waits for the answer, or goes on.
func TestLogQuestion_meanwhile(t *testing.T) {
	answer := make(chan logAnswer)
	begin := func(t *testing.T, withJournal bool) *lookedPartition {
		l := newLookedPartition(t, withJournal, 2)
		answer = make(chan logAnswer)
		l.network.log = func(string, *logQuery) (logAnswer, error) {
			select {
			case a := <-answer:
				return a, nil
			case <-l.engine.ctx.Done():
				return logAnswer{}, errSimClosed
			}
		}
		l.refuse(sarama.ErrOutOfOrderSequenceNumber)
		synctest.Wait()
		return l
	}
	there := logAnswer{true, 50, 2, 52, 101}
	t.Run("Close", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := begin(t, true)
			require.NoError(t, l.engine.Close())
			assert.Equal(t, map[producer.Outcome]int{producer.Unknown: 2}, l.results.outcomes())
			assert.ErrorIs(t, l.results.results[0].Err, producer.ErrClosed)
			assert.Empty(t, l.journal.ends, "another process may ask")
			assert.Zero(t, l.network.open)
		})
	})
	t.Run("after Close", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newLookedPartition(t, true, 2)
			l.engine.closed = true
			l.refuse(sarama.ErrOutOfOrderSequenceNumber)
			synctest.Wait()
			assert.Empty(t, l.network.asked)
			assert.Empty(t, l.journal.ends)
			assert.Len(t, l.sealed, 1)
		})
	})
	t.Run("withdrawn", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := begin(t, false)
			later := enqueueGroup(l.topicPartition, make([]producer.Message, 2), l.results)
			l.engine.mu.Lock()
			assert.Zero(t, l.engine.withdrawRestLocked(later), "what waits behind it")
			assert.Equal(t, 2, l.engine.withdrawRestLocked(l.sealed[0].ranges[0].submission), "nothing of what may have been written")
			l.engine.mu.Unlock()
			answer <- there
			synctest.Wait()
			assert.Equal(t, map[producer.Outcome]int{producer.Acknowledged: 2}, l.results.outcomes())
		})
	})
	t.Run("the topic is replaced", func(t *testing.T) {
		for _, found := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				l := begin(t, true)
				var done settlements
				l.engine.mu.Lock()
				l.engine.leaveNumbersLocked(&done, time.Now())
				l.engine.mu.Unlock()
				require.True(t, l.topicReplaced)
				require.Empty(t, l.journal.ends)
				a := there
				a.found = found
				answer <- a
				synctest.Wait()
				assert.False(t, l.topicReplaced)
				assert.Equal(t, int64(noProducerID), l.producer.id)
				require.Len(t, l.journal.ends, 1)
				assert.Equal(t, found, l.journal.ends[0].Outcome == producer.Written)
			})
		}
	})
	t.Run("it was replaced before", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newLookedPartition(t, false, 2)
			l.topicReplaced = true
			l.refuse(sarama.ErrOutOfOrderSequenceNumber)
			synctest.Wait()
			assert.Empty(t, l.network.asked)
			assert.Equal(t, map[producer.Outcome]int{producer.Unknown: 2}, l.results.outcomes())
		})
	})
	t.Run("what it waits for is told", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := begin(t, false)
			next, cause := l.engine.waitReasonLocked(l.topicPartition, time.Now())
			assert.Equal(t, "asking broker 0 at b0:9093 what of it was written", next)
			assert.ErrorIs(t, cause, sarama.ErrOutOfOrderSequenceNumber)
			answer <- there
		})
	})
}

// No more than so many leaders are asked at a time.
func TestLogQuestion_tooMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLookedPartition(t, false, 2)
		l.engine.logAsker.underWay = maxLogQueries
		l.refuse(sarama.ErrOutOfOrderSequenceNumber)
		assert.Equal(t, map[producer.Outcome]int{producer.Unknown: 2}, l.results.outcomes())
		l = newLookedPartition(t, false, 2)
		l.engine.logAsker.underWay = maxLogQueries - 1
		l.says(logAnswer{true, 50, 2, 52, 101})
		l.refuse(sarama.ErrOutOfOrderSequenceNumber)
		synctest.Wait()
		assert.Equal(t, maxLogQueries-1, l.engine.logAsker.underWay)
		assert.Equal(t, map[producer.Outcome]int{producer.Acknowledged: 2}, l.results.outcomes())
	})
}
