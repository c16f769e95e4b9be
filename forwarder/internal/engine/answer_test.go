package engine

import (
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// answerFor answers the first request of a partition with one message.
func answerFor(t *testing.T, mayBeWritten bool, block *sarama.ProduceResponseBlock) (*topicPartition, *recordBatch, settlements) {
	t.Helper()
	_, p, w := ledBy()
	enqueueGroup(p, []producer.Message{{Value: []byte("v")}}, make(settleCounts, 1))
	b := &recordBatch{mayBeWritten: mayBeWritten}
	p.sealLocked(b, 1<<10)
	var done settlements
	w.applyVerdictLocked(p, b, block, &done, time.Now())
	return p, b, done
}

// Without an earlier attempt, a broker that has lost the sequence gets a new epoch
// or another producer id, and the messages go again.
func TestAnswer_sequenceLost(t *testing.T) {
	for _, code := range []sarama.KError{
		sarama.ErrOutOfOrderSequenceNumber, sarama.ErrUnknownProducerID, sarama.ErrInvalidProducerEpoch,
		sarama.ErrDuplicateSequenceNumber, // of what, if there was no earlier attempt?
	} {
		t.Run(code.Error(), func(t *testing.T) {
			_, p, w := ledBy()
			p.producer.advance(5)
			enqueueGroup(p, []producer.Message{{Value: []byte("v")}}, make(settleCounts, 1))
			b := &recordBatch{}
			p.sealLocked(b, 1<<10)
			var done settlements
			w.applyVerdictLocked(p, b, &sarama.ProduceResponseBlock{Err: code}, &done, time.Now())
			assert.Empty(t, done.recordBatches, "nothing is settled")
			assert.Equal(t, producerState{id: 7, epoch: 1, fresh: true}, p.producer)
		})
	}
}

func TestAnswer_duplicateOfEarlierAttempt(t *testing.T) {
	_, _, done := answerFor(t, true, &sarama.ProduceResponseBlock{Err: sarama.ErrDuplicateSequenceNumber, Offset: 3})
	require.Len(t, done.recordBatches, 1)
	assert.Equal(t, producer.Acknowledged, done.recordBatches[0].result.Outcome)
	assert.Equal(t, int64(-1), done.recordBatches[0].result.Offset, "where is not told")
}

// An answer that leaves the partition out does not say that nothing was written.
func TestAnswer_partitionLeftOut(t *testing.T) {
	p, b, done := answerFor(t, false, nil)
	assert.True(t, b.mayBeWritten)
	assert.Equal(t, []*recordBatch{b}, p.sealed)
	assert.Empty(t, done.recordBatches)
	assert.ErrorIs(t, p.cause, errPartitionNotAnswered)
}

// A leader that is named counts if it is known, and no older one.
func TestAnswer_hint(t *testing.T) {
	for name, c := range map[string]struct {
		hint   *sarama.ProduceResponseCurrentLeader
		leader bool
	}{
		"none":      {nil, false},
		"known":     {&sarama.ProduceResponseCurrentLeader{LeaderID: 0, LeaderEpoch: 3}, true},
		"as new":    {&sarama.ProduceResponseCurrentLeader{LeaderID: 0, LeaderEpoch: 2}, true},
		"older":     {&sarama.ProduceResponseCurrentLeader{LeaderID: 0, LeaderEpoch: 1}, false},
		"unknown":   {&sarama.ProduceResponseCurrentLeader{LeaderID: 9, LeaderEpoch: 3}, false},
		"no leader": {&sarama.ProduceResponseCurrentLeader{LeaderID: -1, LeaderEpoch: 3}, false},
	} {
		t.Run(name, func(t *testing.T) {
			e, p, w := ledBy()
			p.leaderEpoch = 2
			var want *brokerWorker
			if c.leader {
				want = w
			}
			assert.Equal(t, want, e.hintedWorkerLocked(p, &sarama.ProduceResponseBlock{CurrentLeader: c.hint}))
			assert.Len(t, e.workers, 1)
		})
	}
}

// A broker with a quota says how long nothing is to be sent.
func TestAnswer_throttle(t *testing.T) {
	_, _, w := ledBy()
	now := time.Now()
	w.observeAnswerLocked(&inFlightRequest{sentAt: now}, &sarama.ProduceResponse{ThrottleTime: time.Second}, now)
	assert.Equal(t, now.Add(time.Second), w.notBefore)
	assert.ErrorIs(t, w.cause, sarama.ErrThrottlingQuotaExceeded)
	w.inFlight = requestsInFlight{{}}
	w.ready = []*topicPartition{testPartition()}
	assert.True(t, w.aloneLocked(now), "one request at a time")
}

// A broker that is asked for the leader because it may not know that it is none.
func TestAnswer_mayHaveMoved(t *testing.T) {
	for _, c := range []struct {
		code     sarama.KError
		failures int
		want     bool
	}{
		{sarama.ErrRequestTimedOut, 1, true},
		{sarama.ErrNotEnoughReplicas, 1, false},
		{sarama.ErrNotEnoughReplicas, 2, true},
		{sarama.ErrNotEnoughReplicasAfterAppend, 2, true},
		{sarama.ErrNetworkException, 2, true},
		{sarama.ErrUnknown, 2, true},
		{sarama.ErrTopicAuthorizationFailed, 9, false},
	} {
		assert.Equal(t, c.want, mayHaveMoved(c.code, c.failures), "%v %d", c.code, c.failures)
	}
}

// Another broker's metadata is requested when the answer is one of a broker that may not
// know that it no longer leads, and after no other answer of a leader.
func TestAnswer_requestsMetadata(t *testing.T) {
	for code, want := range map[sarama.KError]bool{
		sarama.ErrRequestTimedOut: true, sarama.ErrNotLeaderForPartition: true,
		sarama.ErrNoError: false, sarama.ErrTopicAuthorizationFailed: false,
	} {
		e, p, w := ledBy()
		e.metadata = newMetadataUpdater(e, nil)
		enqueueGroup(p, []producer.Message{{Value: []byte("v")}}, make(settleCounts, 1))
		b := &recordBatch{}
		p.sealLocked(b, 1<<10)
		var done settlements
		w.applyVerdictLocked(p, b, &sarama.ProduceResponseBlock{Err: code}, &done, time.Now())
		assert.Equal(t, want, len(e.metadata.requested) == 1, code)
	}
}

// Each message is acknowledged with its own offset.
func TestAnswer_written(t *testing.T) {
	_, _, done := answerFor(t, false, &sarama.ProduceResponseBlock{Offset: 3})
	require.Len(t, done.recordBatches, 1)
	assert.Equal(t, producer.Result{Outcome: producer.Acknowledged, Partition: 0, Offset: 3}, done.recordBatches[0].result)
}
