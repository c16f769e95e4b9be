package engine

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

func TestNextTimestamp(t *testing.T) {
	const minute = int64(60_000)
	now := time.UnixMilli(1_800_000_000_000)
	for name, c := range map[string]struct{ last, want int64 }{ // relative to now
		"the first":                  {-now.UnixMilli(), 0},
		"later":                      {-5, 0},
		"the same":                   {0, 0},
		"the clock was set back":     {10, 10},
		"by a minute":                {minute, minute},
		"by more":                    {minute + 1, 0},
		"it was far ahead for a day": {1440 * minute, 0},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, nextTimestamp(now.UnixMilli()+c.last, now)-now.UnixMilli())
		})
	}
}

// notesEnds is a journal that is always quick.
type notesEnds struct{ ends []producer.IntentEnd }

func (*notesEnds) Intend([]producer.Intent) error { return nil }

func (j *notesEnds) End(e producer.IntentEnd) { j.ends = append(j.ends, e) }

// uncertainSince returns a partition whose record batch was sent then, and may have
// been written.
func uncertainSince(then time.Time, refuse bool) (*Engine, *topicPartition, *notesEnds) {
	j := &notesEnds{}
	e, p, w := ledBy()
	e.intents = &intentKeeper{journal: j, refuseDoubtful: refuse, expiration: 24 * time.Hour}
	p.producer.keepsEpoch = true
	s := enqueueGroup(p, make([]producer.Message, 3), make(settleCounts, 3))
	s.number = 100
	e.scheduleLocked(p, then)
	r := w.buildRequestLocked(then)
	r.request.partitions = []partitionRecords{{partition: p.id}}
	var done settlements
	w.conn = &instantConn{}
	w.connectionLostLocked(r, errors.New("lost"), &done, then)
	w.removeInFlightLocked(r, then)
	return e, p, j
}

// Brokers may have forgotten the numbers of what may have been written so long ago.
func TestEngine_doubtExpired(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000)
	var done settlements

	e, p, j := uncertainSince(now.Add(-12*time.Hour), true)
	e.doubtExpiredLocked(p, &done, now)
	require.Len(t, p.sealed, 1, "half of the time has not passed yet")
	require.Empty(t, j.ends)

	e, p, j = uncertainSince(now.Add(-13*time.Hour), true)
	e.doubtExpiredLocked(p, &done, now)
	require.Empty(t, p.sealed)
	require.Len(t, done.recordBatches, 1)
	assert.Equal(t, producer.Unknown, done.recordBatches[0].result.Outcome)
	require.Len(t, j.ends, 1)
	require.Len(t, j.ends[0].Refused, 1)
	assert.Equal(t, []producer.NumberRange{{First: 100, Next: 103}}, j.ends[0].Refused[0].Messages)
	assert.Contains(t, j.ends[0].Refused[0].Reason, "may be in Kafka")
	assert.Equal(t, j.ends[0].Refused[0].Messages, j.ends[0].InDoubt)
	assert.ErrorIs(t, j.ends[0].Cause, errNumbersExpired)
	assert.Equal(t, int64(noProducerID), p.producer.id)

	e, p, j = uncertainSince(now.Add(-13*time.Hour), false)
	before := p.producer
	e.doubtExpiredLocked(p, &done, now)
	require.Len(t, p.sealed, 1)
	assert.True(t, p.sealed[0].mayBeWritten)
	assert.False(t, p.sealed[0].intended, "a new intent has the new time")
	assert.Equal(t, now.UnixMilli(), p.sealed[0].timestamp)
	assert.Equal(t, before, p.producer, "the numbers are the same")
	assert.Empty(t, j.ends)
}

// What a former process has left in doubt may be in Kafka, whatever is answered now.
func TestEngine_refusesWhatWasInDoubt(t *testing.T) {
	for _, doubtful := range []bool{false, true} {
		j := &notesEnds{}
		e, p, _ := ledBy()
		e.intents = newIntentKeeper(Config{Journal: j})
		g := &producer.Group{Messages: make([]producer.Message, 1), Owner: make(settleCounts, 1), First: 100, Doubtful: doubtful}
		b := &recordBatch{partition: p.id, intended: true}
		b.appendLocked(newSubmission(g), 0)
		p.sealed = []*recordBatch{b}
		var done settlements
		e.giveUpLocked(p, b, errors.New("too large"), sarama.ErrMessageSizeTooLarge, &done)

		require.Len(t, done.recordBatches, 1)
		require.Len(t, j.ends, 1)
		require.Len(t, j.ends[0].Refused, 1)
		outcome, reason := producer.NotSent, "too large"
		if doubtful {
			outcome, reason = producer.Unknown, "it may be in Kafka: too large"
		}
		assert.Equal(t, outcome, done.recordBatches[0].result.Outcome)
		assert.Equal(t, reason, j.ends[0].Refused[0].Reason)
	}
}

// With a journal a timestamp that is refused is no refusal of a message.
func TestEngine_restampWithJournal(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000)
	e, p, j := uncertainSince(now, false)
	var done settlements
	for _, later := range []time.Duration{time.Hour, time.Hour, 2 * time.Hour} { // also if it is the clock's already
		b := p.sealed[0]
		before := p.producer
		e.rejectedLocked(p, b, &sarama.ProduceResponseBlock{Err: sarama.ErrInvalidTimestamp}, rejected, &done, now.Add(later))
		require.Equal(t, []*recordBatch{b}, p.sealed)
		assert.Equal(t, now.Add(later).UnixMilli(), b.timestamp)
		assert.False(t, b.intended)
		assert.True(t, b.mayBeWritten)
		assert.Equal(t, before, p.producer)
		p.lastTimestamp = b.timestamp
	}
	assert.Empty(t, done.recordBatches)
	assert.Empty(t, j.ends)
}

// A part that is dated anew takes the other parts of its whole along: they go out
// behind it.
func TestEngine_restampParts(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000)
	e, p, _ := uncertainSince(now, false)
	p.sealed = e.batchPool.split(p.sealed[0], func(int) bool { return true })
	require.Len(t, p.sealed, 3)
	var done settlements
	later := now.Add(time.Second)
	e.rejectedLocked(p, p.sealed[0], &sarama.ProduceResponseBlock{Err: sarama.ErrInvalidTimestamp}, rejected, &done, later)
	for _, b := range p.sealed {
		assert.Equal(t, later.UnixMilli(), b.timestamp)
	}
}

// An intent that the journal says it could not make durable may be durable. It must
// not stay open: its messages may go elsewhere, and a later process would send them
// again.
func TestBrokerWorker_endsIntentThatFailed(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000)
	fail := errors.New("the disk fails")
	for name, before := range map[string]func(*Engine, *topicPartition, *brokerWorker){
		"all of it waits again": func(*Engine, *topicPartition, *brokerWorker) {},
		"it stays sealed": func(e *Engine, p *topicPartition, _ *brokerWorker) {
			p.sealLocked(e.batchPool.get(p.id), 1<<10)
			p.sealed = e.batchPool.split(p.sealed[0], func(int) bool { return true })
		},
	} {
		t.Run(name, func(t *testing.T) {
			e, p, w, j := intendedBy(before, now)
			w.notIntended(buildRequest(w, now), fail)
			assert.Equal(t, []producer.IntentEnd{{Partition: p.id, Outcome: producer.NotWritten, Offset: -1}}, j.ends)

			var done settlements
			e.everReplaced.Store(true)
			e.leaveVanishedLocked(p, &done, now)
			assert.False(t, p.undecided())
			assert.Len(t, j.ends, 1, "it ends once")
		})
	}
}

// What may have been written is never taken back: of it one intent stays open, this
// one or the one before.
func TestBrokerWorker_keepsIntentOfUncertain(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000)
	e, p, j := uncertainSince(now, false)
	w := p.leader
	for name, again := range map[string]func(){
		"the whole": func() { p.sealed[0].intended = false },
		"a part":    func() { p.sealed = e.batchPool.split(p.sealed[0], func(int) bool { return true }) },
	} {
		again()
		e.scheduleLocked(p, now.Add(time.Hour))
		w.notIntended(buildRequest(w, now.Add(time.Hour)), errors.New("the disk fails"))
		assert.Empty(t, j.ends, name)
		assert.False(t, p.sealed[0].intended, name)
		assert.True(t, p.sealed[0].mayBeWritten, name)
	}
}

// At Close the journal may get an intent yet, after its end. So it stays open, and a
// later process sends its messages again: this one does not.
func TestBrokerWorker_leavesIntentAtClose(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000)
	e, _, w, j := intendedBy(func(*Engine, *topicPartition, *brokerWorker) {}, now)
	r := buildRequest(w, now)
	e.cancel()
	w.notIntended(r, context.Canceled)
	assert.Empty(t, j.ends)
}

// When the topic was replaced while a record batch was in flight, an answer that names
// another leader must not have it sent there without a producer id.
func TestBrokerWorker_replacedAndMoved(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000)
	for name, failures := range map[string]int{"at once": 0, "later": 3} {
		t.Run(name, func(t *testing.T) {
			e, p, w, _ := intendedBy(func(e *Engine, _ *topicPartition, _ *brokerWorker) {
				e.brokers[1] = "b1:9093"
				e.workers[1] = &brokerWorker{set: e.brokerSet, id: 1, counters: &brokerCounters{}, woken: make(chan struct{}, 1)}
			}, now)
			r := buildRequest(w, now)
			p.topicReplaced, p.failures = true, failures
			answer := &sarama.ProduceResponse{Version: produceVersion}
			answer.AddTopicPartition(e.topic, p.id, sarama.ErrNotLeaderForPartition)
			answer.GetBlock(e.topic, p.id).CurrentLeader = &sarama.ProduceResponseCurrentLeader{LeaderID: 1}
			w.handleAnswer(r, answer, nil)
			require.Equal(t, e.workers[1], p.leader)
			assert.Equal(t, int64(noProducerID), p.producer.id)
			assert.Equal(t, notScheduled, p.schedule)
			assert.Empty(t, p.leader.ready)
			assert.Empty(t, p.leader.delayed)
		})
	}
}

// intendedBy returns an engine with a journal and messages that are about to be sent.
func intendedBy(before func(*Engine, *topicPartition, *brokerWorker), now time.Time) (*Engine, *topicPartition, *brokerWorker, *notesEnds) {
	j := &notesEnds{}
	e, p, w := ledBy()
	e.intents = &intentKeeper{journal: j, expiration: 24 * time.Hour}
	p.producer.keepsEpoch = true
	enqueueGroup(p, make([]producer.Message, 3), make(settleCounts, 3))
	before(e, p, w)
	e.scheduleLocked(p, now)
	w.conn = &instantConn{}
	return e, p, w, j
}

func buildRequest(w *brokerWorker, now time.Time) *inFlightRequest {
	w.set.mu.Lock()
	defer w.set.mu.Unlock()
	r := w.buildRequestLocked(now)
	r.conn = w.conn
	return r
}

// heldJournal is a journal that records when it is told to.
type heldJournal struct {
	asked chan []producer.Intent
	done  chan error
}

func (j heldJournal) Intend(list []producer.Intent) error {
	j.asked <- list
	return <-j.done
}

func (heldJournal) End(producer.IntentEnd) {}

// A request with messages of several topics waits for the journal of each, and
// nothing of it is sent if one of them fails.
func TestBrokerSet_journals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests [][]string
		n := topicNetwork{mu: &sync.Mutex{}, requests: &requests}
		engines := engineFor(n, "a", "b")
		var journals []heldJournal
		results := make(settledOnce, 2)
		for _, e := range engines {
			j := heldJournal{make(chan []producer.Intent, 1), make(chan error)}
			journals = append(journals, j)
			e.mu.Lock()
			e.intents = &intentKeeper{journal: j, expiration: defaultIDExpiration}
			e.mu.Unlock()
		}
		for i, e := range engines {
			e.Submit(&producer.Group{Messages: []producer.Message{{Key: []byte("7"), Value: []byte("v")}}, Owner: results, First: uint64(10 + i)}) //nolint:gosec // few
		}
		fail := errors.New("the disk fails")
		for _, last := range []error{fail, nil} {
			for i, j := range journals {
				list := <-j.asked
				require.Len(t, list, 1)
				first := uint64(10 + i) //nolint:gosec // few
				assert.Equal(t, []producer.NumberRange{{First: first, Next: first + 1}}, list[0].Messages)
			}
			journals[0].done <- nil
			synctest.Wait()
			assert.Empty(t, requests)
			journals[1].done <- last
		}
		for range engines {
			assert.Equal(t, producer.Acknowledged, (<-results).Outcome)
		}
		assert.Equal(t, [][]string{{"a", "b"}}, requests)
		require.NoError(t, engines[0].Close())
	})
}
