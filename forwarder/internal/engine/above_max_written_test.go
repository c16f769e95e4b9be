package engine

import (
	"errors"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// A narrowConn refuses requests of which more would be written than may be.
type narrowConn struct {
	instantConn
	takes func(*produceRequest) int // bytes on the wire
}

func (c *narrowConn) produce(r *produceRequest, _ func(*sarama.ProduceResponse, error)) error {
	if r.mayBeSent != nil {
		if err := r.mayBeSent(); err != nil {
			return err
		}
	}
	written := c.takes(r)
	if r.maxWritten > 0 && written > r.maxWritten {
		return &aboveMaxWrittenError{written}
	}
	r.written = written
	return nil
}

// A toldJournal keeps what it is told.
type toldJournal struct {
	notesEnds
	intents []producer.Intent
	err     error
}

func (j *toldJournal) Intend(list []producer.Intent) error {
	if j.err != nil {
		return j.err
	}
	j.intents = append(j.intents, list...)
	return nil
}

const narrowRecordBatch = 7 * producer.Overhead

// narrow returns a worker that leads so many partitions, whose requests may gather four
// record batches, and surely fit with two.
func narrow(partitions int) (*Engine, *brokerWorker, *narrowConn) {
	e := testEngine()
	e.closed, e.topic = true, "events" // no worker runs
	e.counters[0] = &brokerCounters{}
	w := &brokerWorker{set: e.brokerSet, counters: e.counters[0], rand: e.random.stream(1), woken: make(chan struct{}, 1)}
	w.pacing.minBytes = 1 << 20 // all that waits goes
	c := &narrowConn{}
	w.conn, e.workers[0] = c, w
	const size = narrowRecordBatch
	e.limits = sendLimits{recordBatch: size, request: 4 * size, fitting: 2 * size, onWire: 2*size + size/10, telling: 1}
	m := topicMetadata{brokers: map[int32]string{0: "b0:9093"}}
	for range partitions {
		m.leaders, m.epochs = append(m.leaders, 0), append(m.epochs, 0)
	}
	var done settlements
	e.applyMetadataLocked(m, &done, time.Now())
	for _, p := range e.partitions {
		p.producer.keepsEpoch = true
		p.producer.begin(producerIDAnswer{id: 7})
	}
	w.wireRatio.worst = 0.1
	return e, w, c
}

// fill gives p a full record batch, whose messages have numbers from first on.
func fill(e *Engine, p *topicPartition, first uint64) {
	const n = narrowRecordBatch / producer.Overhead
	fillWith(e, p, first, make([]producer.Message, n))
}

func fillWith(e *Engine, p *topicPartition, first uint64, messages []producer.Message) {
	s := enqueueGroup(p, messages, make(settleCounts, len(messages)))
	s.number = first
	e.scheduleLocked(p, time.Now())
}

// answer acknowledges r.
func acknowledge(w *brokerWorker, r *inFlightRequest) {
	a := &sarama.ProduceResponse{Version: produceVersion}
	for _, b := range r.recordBatches {
		a.AddTopicPartition("events", b.partition, sarama.ErrNoError)
	}
	w.handleAnswer(r, a, nil)
}

func idsOf(partitions []*topicPartition) (list []int32) {
	for _, p := range partitions {
		list = append(list, p.id)
	}
	return list
}

func partitionsOf(r *inFlightRequest) (list []int32) {
	for _, b := range r.recordBatches {
		list = append(list, b.partition)
	}
	return list
}

// What compresses badly is sent although all else compresses well and there is
// always more of it.
func TestAboveMaxWritten_isNotOvertaken(t *testing.T) {
	for _, n := range []int{4, 8, 10, 12, 14, 16} {
		e, w, c := narrow(n)
		c.takes = func(r *produceRequest) (bytes int) {
			for _, p := range r.partitions {
				if p.partition == 2 || p.partition == 3 {
					bytes += narrowRecordBatch
				} else {
					bytes += narrowRecordBatch / 10
				}
			}
			return bytes
		}
		for _, p := range e.partitions {
			fill(e, p, 0)
			fill(e, p, 0)
		}
		sent, refused := make([]int, n), 0
		for range 1000 {
			r := w.buildRequestLocked(time.Now())
			list := partitionsOf(r)
			w.send(r)
			if r.ended {
				refused++
				continue
			}
			acknowledge(w, r)
			for _, id := range list {
				sent[id]++
				fill(e, e.partitions[id], 0)
			}
		}
		assert.NotZero(t, refused)
		for id, times := range sent {
			assert.Greater(t, times, 1000/n, "partition %d of %d: %v, %d refused", id, n, sent, refused)
		}
	}
}

// A refused request teaches, whatever the setting: the next is smaller, until it surely
// fits.
func TestAboveMaxWritten_ends(t *testing.T) {
	c := sarama.NewConfig()
	c.Producer.Compression = sarama.CompressionZSTD
	for _, setting := range []int{1026, 2_000, 20_000, 33_000, 33_792, 34_000, 1_040_000} {
		limits := newSendLimits(Config{Sarama: c, MaxRequestBytes: setting})
		ratio := wireRatio{worst: 0.01}
		times := 0
		for ; ratio.most(limits) > limits.fitting; times++ {
			require.Less(t, times, 10, "%d", setting)
			ratio.observe(ratio.most(limits), limits.onWire+1, limits) // it is refused
		}
		assert.NotZero(t, times, "%d", setting)

		for times = 0; ratio.most(limits) < limits.request; times++ {
			require.Less(t, times, 100, "%d: it learns again", setting)
			ratio.observe(ratio.most(limits)*9/10, limits.onWire/10, limits)
		}
	}
}

// The counts do not fall. What a refused request has counted is left out of later ones,
// so once that has been sent, Bytes and BytesSent are of the same messages.
func TestAboveMaxWritten_counts(t *testing.T) {
	e, w, c := narrow(4)
	const bytes = narrowRecordBatch - producer.Overhead // of one message: a full record batch
	fillAll := func() {
		for i, p := range e.partitions {
			fillWith(e, p, uint64(100*(i+1)), []producer.Message{{Value: make([]byte, bytes)}})
		}
	}
	fillAll()
	send := func(takes int) *inFlightRequest {
		c.takes = func(*produceRequest) int { return takes }
		r := w.buildRequestLocked(time.Now())
		w.send(r)
		return r
	}
	counts := func(requests, messages, sent int64) {
		t.Helper()
		assert.Equal(t, []producer.BrokerStats{{Addr: "b0:9093", Requests: requests, Messages: messages, Bytes: messages * bytes, BytesSent: sent, ConnectedSince: w.connectedAt}}, e.Brokers())
	}
	counts(0, 0, 0)
	require.True(t, send(1<<20).ended, "four messages")
	counts(1, 4, 0)
	first := send(10)
	require.False(t, first.ended, "two of them")
	counts(1, 4, 10)
	acknowledge(w, first)
	acknowledge(w, send(10))
	counts(2, 4, 20)
	fillAll()
	last := send(10)
	counts(3, int64(4+len(last.recordBatches)), 30)
}

// A refusal while the topic was replaced, or of what an earlier attempt may have
// written, leaves no messages and no numbers behind.
func TestAboveMaxWritten_meanwhile(t *testing.T) {
	t.Run("the topic is replaced", func(t *testing.T) {
		for _, maybe := range []bool{false, true} {
			e, w, c := narrow(4)
			e.intents = &intentKeeper{journal: &toldJournal{}, expiration: 24 * time.Hour}
			for i, p := range e.partitions {
				fill(e, p, uint64(100*(i+1)))
			}
			p := e.partitions[1]
			c.takes = func(*produceRequest) int {
				p.topicReplaced, p.sealed[0].mayBeWritten = true, maybe
				return 1 << 20
			}
			r := w.buildRequestLocked(time.Now())
			w.send(r)
			require.True(t, r.ended)
			assert.False(t, p.topicReplaced)
			assert.Equal(t, int64(noProducerID), p.producer.id)
			assert.Equal(t, notScheduled, p.schedule, "until there is a producer id")
			assert.Equal(t, narrowRecordBatch, p.pendingBytesLocked(), "all of it goes again, under another")
			assert.Equal(t, maybe, len(p.sealed) > 0)
			assert.Equal(t, []int32{0, 2, 3}, idsOf(w.ready))
			assert.Equal(t, 3*narrowRecordBatch, w.readyBytes)
		}
	})
	t.Run("an earlier attempt may be written", func(t *testing.T) {
		e, w, c := narrow(4)
		for _, p := range e.partitions {
			fill(e, p, 0)
		}
		p := e.partitions[1]
		var was *recordBatch
		c.takes = func(*produceRequest) int {
			was = p.sealed[0]
			was.mayBeWritten = true
			return 1 << 20
		}
		w.send(w.buildRequestLocked(time.Now()))
		require.Len(t, p.sealed, 1)
		assert.Same(t, was, p.sealed[0], "it goes again as it was")
		assert.Equal(t, []int32{0, 1, 2, 3}, idsOf(w.ready))
		c.takes = func(*produceRequest) int { return 1 }
		r := w.buildRequestLocked(time.Now())
		assert.Same(t, was, r.recordBatches[1])
	})
}

// refused has a request with the record batches of four partitions refused, which have
// intents. More partitions wait.
func refused(t *testing.T, partitions int) (*Engine, *brokerWorker, *narrowConn, *toldJournal) {
	t.Helper()
	e, w, c := narrow(partitions)
	j := &toldJournal{}
	e.intents = &intentKeeper{journal: j, expiration: 24 * time.Hour}
	for i, p := range e.partitions {
		fill(e, p, uint64(100*(i+1)))
	}
	c.takes = func(*produceRequest) int { return 1 << 20 }
	r := w.buildRequestLocked(time.Now())
	w.send(r)
	require.True(t, r.ended)
	require.Len(t, j.intents, 4)
	require.Len(t, j.ends, 4, "nothing was written")
	for _, p := range e.partitions {
		require.Empty(t, p.sealed)
	}
	c.takes = func(*produceRequest) int { return 1 }
	return e, w, c, j
}

// After a refusal everything is as if it had never been sealed: each attempt has an
// intent of its own numbers, and each intent an end.
func TestAboveMaxWritten_intents(t *testing.T) {
	t.Run("sent again", func(t *testing.T) {
		_, w, _, j := refused(t, 6)
		r := w.buildRequestLocked(time.Now())
		assert.Equal(t, []int32{0, 1}, partitionsOf(r), "what surely fits, and those first")
		w.send(r)
		assert.Len(t, j.intents, 4+2)
	})
	t.Run("another topic", func(t *testing.T) {
		e, w, _, j := refused(t, 4)
		var done settlements
		e.leaveNumbersLocked(&done, time.Now())
		for _, p := range e.partitions {
			p.producer.begin(producerIDAnswer{id: 8})
			e.scheduleLocked(p, time.Now())
		}
		w.send(w.buildRequestLocked(time.Now()))
		assert.EqualValues(t, 8, j.intents[len(j.intents)-1].ProducerID)
	})
	t.Run("a journal that fails", func(t *testing.T) {
		e, w, _, j := refused(t, 4)
		j.err = errors.New("the disk is full")
		w.send(w.buildRequestLocked(time.Now()))
		for _, p := range e.partitions {
			assert.Empty(t, p.sealed)
			assert.Equal(t, narrowRecordBatch, p.waitingBytes)
		}
		j.err = nil
		w.send(w.buildRequestLocked(time.Now()))
		assert.EqualValues(t, 1, e.Brokers()[0].Requests, "nothing was sent before")
	})
	t.Run("smaller requests", func(t *testing.T) {
		_, w, _, j := refused(t, 4)
		w.requestSize.lost(narrowRecordBatch/2, false, time.Now())
		w.send(w.buildRequestLocked(time.Now()))
		last := j.intents[len(j.intents)-1]
		assert.Less(t, len(last.Messages), narrowRecordBatch/producer.Overhead)
		assert.Len(t, j.ends, 4)
	})
}
