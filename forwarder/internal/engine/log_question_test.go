package engine

import (
	"context"
	"io"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// A lookedNetwork is a cluster whose logs are looked into.
type lookedNetwork struct {
	mu    sync.Mutex
	asked []string // addresses
	open  int      // connections
	log   func(addr string, q *logQuery) (logAnswer, error)
}

func (n *lookedNetwork) connect(_ context.Context, addr string) (brokerConn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = append(n.asked, addr)
	n.open++
	return &lookedConn{network: n, addr: addr, aborted: make(chan struct{})}, nil
}

type lookedConn struct {
	instantConn

	network *lookedNetwork
	addr    string
	once    sync.Once
	aborted chan struct{}
}

var errNotAnswered = io.ErrNoProgress // by logs that never answer

func (c *lookedConn) written(q *logQuery) (logAnswer, error) {
	a, err := c.network.log(c.addr, q)
	if err == errNotAnswered { //nolint:errorlint // a mark
		<-c.aborted
		err = errSimClosed
	}
	return a, err
}

func (c *lookedConn) abort() { c.once.Do(func() { close(c.aborted) }) }

func (c *lookedConn) close() {
	c.network.mu.Lock()
	defer c.network.mu.Unlock()
	c.network.open--
}

// lookedResults are those of messages, by their index.
type lookedResults struct {
	mu      sync.Mutex
	results map[int]producer.Result
}

func (r *lookedResults) Settle(i int, one producer.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results[i] = one
}

func (r *lookedResults) outcomes() map[producer.Outcome]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	counts := map[producer.Outcome]int{}
	for _, one := range r.results {
		counts[one.Outcome]++
	}
	return counts
}

// A lookedPartition has record batches that may have been written, of the numbers
// from 100 on.
type lookedPartition struct {
	*topicPartition

	engine  *Engine
	worker  *brokerWorker
	network *lookedNetwork
	results *lookedResults
	journal *notesEnds
}

func newLookedPartition(t *testing.T, withJournal bool, counts ...int) *lookedPartition {
	t.Helper()
	e, p, w := ledBy()
	n := &lookedNetwork{}
	r := &lookedResults{results: map[int]producer.Result{}}
	l := &lookedPartition{topicPartition: p, engine: e, worker: w, network: n, results: r, journal: &notesEnds{}}
	e.closed = false
	e.ctx, e.cancel = context.WithCancel(t.Context())
	e.stopped = make(chan struct{})
	e.logAsker = logAsker{ctx: e.ctx, network: n, running: &e.running}
	e.workers = map[int32]*brokerWorker{0: w}
	p.producer.nextSequence, p.producer.fresh = 100, false
	if withJournal {
		e.intents = newIntentKeeper(Config{Journal: l.journal})
		p.producer.keepsEpoch = true
	}
	all := 0
	for _, count := range counts {
		all += count
	}
	s := enqueueGroup(p, make([]producer.Message, all), r)
	s.timestamp = 1_800_000_000_000
	s.number = 1000
	p.waiting.remove(s)
	p.waitingBytes = 0
	for _, count := range counts {
		b := &recordBatch{mayBeWritten: true}
		for range count {
			b.appendLocked(s, s.next)
			s.next++
		}
		p.sealed = append(p.sealed, b)
	}
	return l
}

// refuse lets the broker answer the first record batch so. It reports whether that
// counts as in flight since.
func (l *lookedPartition) refuse(code sarama.KError) (inFlight bool) {
	e := l.engine
	var done settlements
	e.mu.Lock()
	l.sealed[0].setSequence(l.producer)
	l.sealed[0].intended = e.intents != nil
	l.worker.applyVerdictLocked(l.topicPartition, l.sealed[0], &sarama.ProduceResponseBlock{Err: code}, &done, time.Now())
	e.scheduleLocked(l.topicPartition, time.Now())
	inFlight = l.inFlight
	e.mu.Unlock()
	e.settle(&done)
	return inFlight
}

func (l *lookedPartition) says(a logAnswer) {
	l.network.log = func(string, *logQuery) (logAnswer, error) { return a, nil }
}

// A record batch that is out of sequence and may have been written is acknowledged if the
// leader shows it below the high watermark, and otherwise unknown.
func TestLogQuestion(t *testing.T) {
	for name, c := range map[string]struct {
		counts       []int
		answer       logAnswer
		err          error
		acknowledged int
		rest         producer.Outcome
	}{
		"it is there":                      {[]int{3}, logAnswer{true, 50, 3, 53, 102}, nil, 3, 0},
		"the leader has forgotten it":      {[]int{3}, logAnswer{true, 50, 3, 53, noSequence}, nil, 3, 0},
		"only the leader has it":           {[]int{3}, logAnswer{true, 50, 3, 52, 102}, nil, 0, producer.Unknown},
		"only its last number is there":    {[]int{3}, logAnswer{false, 0, 0, 53, 102}, nil, 0, producer.Unknown},
		"it is not there":                  {[]int{3}, logAnswer{false, 0, 0, 53, 99}, nil, 0, producer.Unknown},
		"another is there":                 {[]int{3}, logAnswer{true, 50, 2, 53, 101}, nil, 0, producer.Unknown},
		"no right":                         {[]int{3}, logAnswer{}, sarama.ErrTopicAuthorizationFailed, 0, producer.Unknown},
		"no right to the cluster":          {[]int{3}, logAnswer{}, sarama.ErrClusterAuthorizationFailed, 0, producer.Unknown},
		"an old broker":                    {[]int{3}, logAnswer{}, sarama.ErrUnsupportedVersion, 0, producer.Unknown},
		"an odd answer":                    {[]int{3}, logAnswer{true, 50, 3, 53, 102}, errOddLogAnswer, 0, producer.Unknown},
		"an answer that cannot be read":    {[]int{3}, logAnswer{}, sarama.PacketDecodingError{}, 0, producer.Unknown},
		"the whole that was cut up":        {[]int{2, 3, 5}, logAnswer{true, 50, 10, 60, 109}, nil, 10, 0},
		"the whole, at the leader only":    {[]int{2, 3, 5}, logAnswer{true, 50, 10, 59, 109}, nil, 0, producer.Unknown},
		"a part":                           {[]int{2, 3, 5}, logAnswer{true, 50, 5, 60, 104}, nil, 5, producer.NotSent},
		"a part of a former process":       {[]int{2, 8}, logAnswer{true, 50, 5, 60, 104}, nil, 5, producer.NotSent},
		"a part, and more may be there":    {[]int{2, 3, 5}, logAnswer{true, 50, 5, 60, 109}, nil, 0, producer.Unknown},
		"a part of a producer not known":   {[]int{2, 3, 5}, logAnswer{true, 50, 5, 60, noSequence}, nil, 0, producer.Unknown},
		"fewer than were ever in a record": {[]int{2, 3}, logAnswer{true, 50, 1, 60, 100}, nil, 0, producer.Unknown},
	} {
		for _, code := range []sarama.KError{sarama.ErrOutOfOrderSequenceNumber, sarama.ErrUnknownProducerID, sarama.ErrInvalidProducerEpoch} {
			t.Run(name+", "+strconv.Itoa(int(code)), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newLookedPartition(t, false, c.counts...)
					var asked logQuery
					l.network.log = func(_ string, q *logQuery) (logAnswer, error) {
						asked = *q
						return c.answer, c.err
					}
					assert.True(t, l.refuse(code), "nothing goes out meanwhile")
					synctest.Wait()
					all := 0
					for _, count := range c.counts {
						all += count
					}
					assert.Equal(t, logQuery{
						topic: "events", producerID: 7, firstSequence: 100, timestamp: 1_800_000_000_000, smallest: c.counts[0], largest: all,
					}, asked)
					assert.Equal(t, []string{"b0:9093"}, l.network.asked)
					assert.Zero(t, l.network.open)
					assert.False(t, l.inFlight)
					for i, one := range l.results.results {
						if i < c.acknowledged {
							assert.Equal(t, producer.Result{Outcome: producer.Acknowledged, Offset: 50 + int64(i)}, one)
						} else {
							assert.Equal(t, producer.Unknown, one.Outcome)
							assert.ErrorIs(t, one.Err, code)
						}
					}
					assert.Equal(t, producerState{id: 7, epoch: 1, fresh: true}, l.producer)
					if c.rest == producer.NotSent {
						assert.Len(t, l.results.results, c.acknowledged, "the rest goes on")
						require.NotEmpty(t, l.sealed)
						assert.Empty(t, uncertain(l.sealed))
						assert.Equal(t, scheduledNow, l.schedule)
						return
					}
					assert.Len(t, l.results.results, all)
					assert.Empty(t, l.sealed)
				})
			})
		}
	}
}

// A journal is told of what is found as of what is answered.
func TestLogQuestion_journal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLookedPartition(t, true, 2, 3)
		l.says(logAnswer{true, 50, 5, 55, 104})
		l.refuse(sarama.ErrOutOfOrderSequenceNumber)
		synctest.Wait()
		assert.Equal(t, []producer.IntentEnd{{
			Outcome: producer.Written, Offset: 50, Done: []producer.NumberRange{{First: 1000, Next: 1005}},
		}}, l.journal.ends)
		assert.Equal(t, int64(noProducerID), l.producer.id)

		l = newLookedPartition(t, true, 2, 3)
		l.says(logAnswer{highWatermark: 50, lastSequence: noSequence})
		l.refuse(sarama.ErrOutOfOrderSequenceNumber)
		synctest.Wait()
		require.Len(t, l.journal.ends, 1)
		assert.Equal(t, producer.Doubtful, l.journal.ends[0].Outcome)
		assert.Len(t, l.sealed, 2, "they go out again")
	})
}

// The next leader is asked when the first has moved, or cannot be reached.
func TestLogQuestion_moved(t *testing.T) {
	for _, first := range []error{sarama.ErrNotLeaderForPartition, sarama.ErrUnknownTopicOrPartition, io.EOF} {
		synctest.Test(t, func(t *testing.T) {
			l := newLookedPartition(t, false, 3)
			e := l.engine
			e.metadata = newMetadataUpdater(e, nil)
			other := &brokerWorker{set: e.brokerSet, id: 1, counters: &brokerCounters{}, woken: make(chan struct{}, 1)}
			l.network.log = func(addr string, _ *logQuery) (logAnswer, error) {
				if addr == "b1:9093" {
					return logAnswer{true, 50, 3, 53, 102}, nil
				}
				e.mu.Lock()
				defer e.mu.Unlock()
				e.brokers = map[int32]string{0: "b0:9093", 1: "b1:9093"}
				e.moveLocked(l.topicPartition, other, time.Now())
				return logAnswer{}, first
			}
			l.refuse(sarama.ErrOutOfOrderSequenceNumber)
			synctest.Wait()
			assert.Equal(t, []string{"b0:9093", "b1:9093"}, l.network.asked)
			assert.Equal(t, map[producer.Outcome]int{producer.Acknowledged: 3}, l.results.outcomes())
			assert.Len(t, e.metadata.requested, 1)
		})
	}
}

// A leader that does not answer, or that there is none, holds up its partition for
// a bounded time.
func TestLogQuestion_takesTooLong(t *testing.T) {
	for name, breaks := range map[string]func(l *lookedPartition){
		"no answer": func(l *lookedPartition) {
			l.network.log = func(string, *logQuery) (logAnswer, error) { return logAnswer{}, errNotAnswered }
		},
		"never the leader": func(l *lookedPartition) {
			l.network.log = func(string, *logQuery) (logAnswer, error) { return logAnswer{}, sarama.ErrNotLeaderForPartition }
		},
		"no leader": func(l *lookedPartition) { l.engine.moveLocked(l.topicPartition, nil, time.Now()) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLookedPartition(t, false, 3)
				breaks(l)
				l.refuse(sarama.ErrOutOfOrderSequenceNumber)
				<-time.After(maxLogQueryTime - time.Millisecond)
				assert.Empty(t, l.results.outcomes())
				<-time.After(time.Second + time.Millisecond)
				synctest.Wait()
				assert.Equal(t, map[producer.Outcome]int{producer.Unknown: 3}, l.results.outcomes())
				assert.Zero(t, l.network.open)
				assert.LessOrEqual(t, len(l.network.asked), 30)
			})
		})
	}
}
