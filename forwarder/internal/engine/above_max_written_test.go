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
	s := enqueueGroup(p, make([]producer.Message, n), make(settleCounts, n))
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
		stats := e.Brokers()[0]
		assert.EqualValues(t, 1000-refused, stats.Requests, "what was not sent does not count")
	}
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
