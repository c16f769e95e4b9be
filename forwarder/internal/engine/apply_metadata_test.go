package engine

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// An answer that is older than what is known is refused.
func TestEngine_checkMetadata(t *testing.T) {
	first, second := [16]byte{1}, [16]byte{2}
	brokers := map[int32]string{0: "b0:9093"}
	known := topicMetadata{topicID: first, leaders: []int32{0, 0}, epochs: []int32{5, 5}, brokers: brokers}
	for name, c := range map[string]struct {
		answer topicMetadata
		older  bool
	}{
		"the same":            {known, false},
		"a newer leader":      {topicMetadata{topicID: first, leaders: []int32{0, 0}, epochs: []int32{5, 6}}, false},
		"an older leader":     {topicMetadata{topicID: first, leaders: []int32{0, 0}, epochs: []int32{6, 4}}, true},
		"no epoch":            {topicMetadata{topicID: first, leaders: []int32{0, 0}, epochs: []int32{noEpoch, noEpoch}}, false},
		"fewer partitions":    {topicMetadata{topicID: first, leaders: []int32{0}, epochs: []int32{5}}, true},
		"recreated, smaller":  {topicMetadata{topicID: second, leaders: []int32{0}, epochs: []int32{0}}, false},
		"more, but all older": {topicMetadata{topicID: first, leaders: []int32{0, 0, 0}, epochs: []int32{1, 1, 0}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			e := knowing(known)
			for range 2 * mostOlderRounds {
				err := e.checkMetadata(c.answer)
				assert.Equal(t, c.older, errors.Is(err, errOlderMetadata), "%v", err)
			}
		})
	}

	e := knowing(known)
	var done settlements
	e.applyMetadataLocked(topicMetadata{topicID: second, leaders: []int32{0}, epochs: []int32{0}, brokers: brokers}, &done, time.Now())
	assert.Equal(t, int32(1), e.partitionCount.Load(), "recreated with fewer")
	assert.Equal(t, int32(0), e.partitions[0].leaderEpoch)
	assert.ErrorIs(t, e.checkMetadata(known), errOlderMetadata, "the topic that was deleted does not come back")
}

// A broker that tells no topic id may be right after all: the topic was recreated.
func TestEngine_checkMetadata_withoutID(t *testing.T) {
	brokers := map[int32]string{0: "b0:9093"}
	e := knowing(topicMetadata{leaders: []int32{0, 0}, epochs: []int32{5, 5}, brokers: brokers})
	smaller := topicMetadata{leaders: []int32{0}, epochs: []int32{0}, brokers: brokers}
	for range mostOlderRounds {
		require.ErrorIs(t, metadataRound(e, time.Now(), smaller), errOlderMetadata)
	}
	require.NoError(t, metadataRound(e, time.Now(), smaller))
	var done settlements
	e.applyMetadataLocked(smaller, &done, time.Now())
	assert.Equal(t, int32(1), e.partitionCount.Load())
	assert.NoError(t, e.checkMetadata(smaller))
}

// metadataRound has brokers answer one question, and returns why none is believed.
func metadataRound(e *Engine, now time.Time, answers ...topicMetadata) error {
	var errs []error
	for _, m := range answers {
		err := e.checkMetadata(m)
		if err == nil {
			errs = nil
			break
		}
		errs = append(errs, err)
	}
	err := errors.Join(errs...)
	e.observeMetadataRoundLocked(err, now)
	return err
}

// One leader epoch that is too high is not believed for ever, whether metadata or a
// hint has brought it.
func TestEngine_checkMetadata_hugeEpoch(t *testing.T) {
	brokers := map[int32]string{0: "b0:9093"}
	answer := func(epoch int32) topicMetadata {
		return topicMetadata{topicID: [16]byte{1}, leaders: []int32{0}, epochs: []int32{epoch}, brokers: brokers}
	}
	now := time.Now()

	e := knowing(answer(math.MaxInt32))
	for range mostOlderRounds {
		require.ErrorIs(t, metadataRound(e, now, answer(5), answer(5)), errOlderMetadata)
	}
	require.NoError(t, metadataRound(e, now, answer(5), answer(5)))
	var done settlements
	e.applyMetadataLocked(answer(5), &done, now)
	require.ErrorIs(t, metadataRound(e, now, answer(4)), errOlderMetadata, "epochs count again")

	e = knowing(answer(5))
	e.hintedWorkerLocked(e.partitions[0], &sarama.ProduceResponseBlock{
		CurrentLeader: &sarama.ProduceResponseCurrentLeader{LeaderID: 0, LeaderEpoch: math.MaxInt32},
	})
	require.NoError(t, metadataRound(e, now, answer(5)), "a hint's epoch is not kept")
}

// A broker that is cut off from the controllers does not win, however often it is
// asked, while another answers with what is newer.
func TestEngine_checkMetadata_stale(t *testing.T) {
	brokers := map[int32]string{0: "b0:9093"}
	stale := topicMetadata{topicID: [16]byte{1}, leaders: []int32{0}, epochs: []int32{4}, brokers: brokers}
	newer := topicMetadata{topicID: [16]byte{1}, leaders: []int32{0}, epochs: []int32{5}, brokers: brokers}
	e := knowing(newer)
	now := time.Now()
	for range 10 {
		for range mostOlderRounds - 1 {
			require.ErrorIs(t, metadataRound(e, now, stale), errOlderMetadata)
			now = now.Add(time.Minute)
		}
		require.NoError(t, metadataRound(e, now, stale, newer))
	}
}

// An id or a number of partitions that was wrong once is not believed for ever
// either. Only after a long time: a topic that was deleted, or had fewer
// partitions, must not come back because one broker alone can be reached.
func TestEngine_checkMetadata_wrongTopic(t *testing.T) {
	brokers := map[int32]string{0: "b0:9093"}
	first, second := [16]byte{1}, [16]byte{2}
	truth := topicMetadata{topicID: first, leaders: []int32{0, 0}, epochs: []int32{5, 5}, brokers: brokers}
	for name, wrong := range map[string]topicMetadata{
		"another id":      {topicID: second, leaders: []int32{0, 0}, epochs: []int32{5, 5}, brokers: brokers},
		"more partitions": {topicID: first, leaders: []int32{0, 0, 0, 0}, epochs: []int32{5, 5, 5, 5}, brokers: brokers},
	} {
		t.Run(name, func(t *testing.T) {
			e := knowing(truth)
			now := time.Now()
			var done settlements
			require.NoError(t, metadataRound(e, now, wrong))
			e.applyMetadataLocked(wrong, &done, now)
			for began := now; now.Sub(began) <= maxOlderTopic; now = now.Add(time.Second) {
				require.ErrorIs(t, metadataRound(e, now, truth), errOlderMetadata)
			}
			require.NoError(t, metadataRound(e, now, truth))
			e.applyMetadataLocked(truth, &done, now)
			assert.Equal(t, int32(2), e.partitionCount.Load())
			assert.Equal(t, first, e.topicID)
		})
	}
}

// A badID network gives no usable producer ids until it is told to.
type badID struct {
	asked *atomic.Int64
	well  *atomic.Bool
}

func (n badID) connect(context.Context, string) (brokerConn, error) { return &badIDConn{badID: n}, nil }

type badIDConn struct {
	instantConn
	badID
}

func (c *badIDConn) producerID() (producerIDAnswer, error) {
	c.asked.Add(1)
	if c.well.Load() {
		return producerIDAnswer{id: 1}, nil
	}
	return producerIDAnswer{id: -1}, nil
}

// A producer id that is none is refused, and asked for again with a back-off.
func TestProducerIDs_none(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := badID{&atomic.Int64{}, &atomic.Bool{}}
		config := Config{Servers: []string{"b0:9093"}, Topic: "events", Sarama: sarama.NewConfig()}
		e := startEngine(config, newSendLimits(config), n, 1)
		defer func() { assert.NoError(t, e.Close()) }()
		c := &callers{}
		c.open.Add(1)
		e.Submit(&producer.Group{Messages: []producer.Message{{Value: []byte("v")}}, Owner: c})
		<-time.After(time.Minute)
		assert.Less(t, n.asked.Load(), int64(200))
		waiting := e.Waiting(0)
		require.Len(t, waiting, 1)
		assert.ErrorContains(t, waiting[0].Cause, "producer id -1")
		n.well.Store(true)
		c.open.Wait()
	})
}

// Messages that were refused for their timestamps get the clock's, if theirs
// differ from it and they were certainly not written.
func TestEngine_restamp(t *testing.T) {
	const hour = int64(time.Hour / time.Millisecond)
	now := time.Now()
	for name, c := range map[string]struct {
		off          int64
		mayBeWritten bool
		retried      bool
	}{
		"two hours ahead":  {2 * hour, false, true},
		"two hours behind": {-2 * hour, false, true},
		"the clock's":      {0, false, false},
		"may be written":   {2 * hour, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := testPartition()
			e := testEngine(p)
			settled := make(settleCounts, 1)
			one := enqueueGroup(p, []producer.Message{{Value: []byte("v")}}, settled)
			one.timestamp = now.UnixMilli() + c.off
			b := &recordBatch{mayBeWritten: c.mayBeWritten}
			p.sealLocked(b, 1<<10)
			behind := enqueueGroup(p, []producer.Message{{Value: []byte("v")}}, settled)
			behind.timestamp = one.timestamp
			var done settlements
			e.rejectedLocked(p, b, &sarama.ProduceResponseBlock{Err: sarama.ErrInvalidTimestamp}, rejected, &done, now)
			if !c.retried {
				assert.Empty(t, p.sealed)
				require.Len(t, done.recordBatches, 1)
				return
			}
			assert.Equal(t, []*recordBatch{b}, p.sealed)
			assert.Equal(t, now.UnixMilli(), one.timestamp)
			assert.Equal(t, now.UnixMilli(), behind.timestamp)
			e.rejectedLocked(p, b, &sarama.ProduceResponseBlock{Err: sarama.ErrInvalidTimestamp}, rejected, &done, now)
			assert.Empty(t, p.sealed, "the broker's clock differs from ours")
		})
	}
}
