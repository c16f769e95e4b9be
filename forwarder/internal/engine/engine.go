package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/timestamp"
	"github.com/eventferry/eventferry/partition"
)

// An Engine is a [producer.Producer] for one topic. It may share its brokers with
// engines for other topics.
type Engine struct {
	*brokerSet

	number int // among the engines of the brokers
	topic  string
	hash   partition.Func

	partitionStream uint64 // of randomness, of the first partition

	partitionCount atomic.Int32 // 0 until the first metadata arrives

	// Everything below is guarded by the lock of the brokers.

	partitions []*topicPartition
	topicID    [16]byte

	formerTopicIDs [][16]byte // of the topic before it was recreated
	topicReplaced  bool       // the next answer counts whatever it says

	everReplaced atomic.Bool // there may be messages for partitions that no longer exist
	olderRounds  int         // consecutive rounds of questions with none but older answers
	olderSince   time.Time   // the first of them

	intents   *intentKeeper        // nil without a journal
	recovered []producer.Recovered // that wait for the metadata

	unplaced  unplacedSubmissions
	sticky    stickyPartition
	clock     timestamp.Clock
	wallClock func() time.Time // nil: that of everything else

	metadata *metadataUpdater
}

var _ producer.Producer = (*Engine)(nil)

// New starts an engine. It does not wait for a connection: while no broker can
// be reached, submitted messages wait.
func New(c Config) (*Engine, error) {
	list, err := NewForTopics(c, []string{c.Topic})
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// NewForTopics starts an engine for each topic, whatever c.Topic is. They share the
// connections for messages and producer ids, and requests: each has only a
// connection for metadata of its own. Close of one of them closes all. A journal is
// for one topic only: several have those of c.JournalOf.
func NewForTopics(c Config, topics []string) ([]*Engine, error) {
	if err := c.Sarama.Validate(); err != nil {
		return nil, err
	}
	if !c.Sarama.Version.IsAtLeast(sarama.V3_7_0_0) { // an upper bound: brokers may be older
		return nil, sarama.ConfigurationError("the engine needs Version 3.7 or later")
	}
	if c.Journal != nil && len(topics) > 1 {
		return nil, errJournalTopics
	}
	s := newBrokerSet(c, newSendLimits(c), newSaramaNetwork(c, topics[0]), newRandomSource())
	list := make([]*Engine, len(topics))
	for i, topic := range topics {
		c.Topic = topic
		if c.JournalOf != nil {
			c.Journal, c.Recovered = c.JournalOf(topic)
		}
		list[i] = s.newEngine(c, newSaramaNetwork(c, topic))
	}
	s.start()
	return list, nil
}

var errJournalTopics = errors.New("a journal is for one topic only: several need JournalOf")

// startEngine is New with given limits, network and source of randomness.
func startEngine(c Config, l sendLimits, n brokerNetwork, random randomSource) *Engine {
	s := newBrokerSet(c, l, n, random)
	e := s.newEngine(c, n)
	s.start()
	return e
}

// newEngine adds an engine, before the start. It asks for metadata through n.
func (s *brokerSet) newEngine(c Config, n brokerNetwork) *Engine {
	e := &Engine{brokerSet: s, number: len(s.engines), topic: c.Topic, hash: c.Hash, wallClock: c.Clock}
	if c.Journal != nil {
		e.intents, e.recovered = newIntentKeeper(c), slices.Clone(c.Recovered)
	}
	stream := uint64(len(s.engines)) << topicStreams
	e.sticky = newStickyPartition(s.random.stream(randSticky + stream))
	e.partitionStream = randPartition + stream
	e.metadata = newMetadataUpdater(e, s.anyBroker(n, c.Servers, randMetadata+stream))
	s.engines = append(s.engines, e)
	return e
}

// Partitions returns how many partitions the topic has; 0 while that is not
// known, and then the engine asks for it.
func (e *Engine) Partitions() int32 {
	count := e.partitionCount.Load()
	if count == 0 {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.metadata.requestLocked()
	}
	return count
}

// TopicID returns the topic's id; zero while it is not known, and if brokers do not
// tell it, as before Kafka 2.8.
func (e *Engine) TopicID() [16]byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.topicID
}

// MetadataFailure returns why the last attempt to learn the topic's partitions has failed;
// nil: it has not.
func (e *Engine) MetadataFailure() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.metadata.failure
}

// renewalRefused reports that a newer connection to the server at addr was refused, so
// that the old one stays.
func (s *brokerSet) renewalRefused(addr string, cause error) {
	if s.onRenewalRefused != nil {
		s.onRenewalRefused(addr, cause)
	}
}

// settleRestLocked settles every undecided message. It is called once nothing runs.
func (e *Engine) settleRestLocked(done *settlements) {
	for _, p := range e.partitions {
		cause := producer.ErrClosed
		if p.cause != nil {
			cause = fmt.Errorf("%w: %w", producer.ErrClosed, p.cause)
		}
		e.settlePartitionLocked(p, cause, done)
	}
	for i := range e.recovered {
		for _, b := range recoveredBatches(e.number, &e.recovered[i]) {
			done.add(b, b.notAcknowledged(producer.ErrClosed))
		}
	}
	e.recovered = nil
	done.addAllNotSent(&e.unplaced.submissions, producer.ErrClosed)
}

// settlePartitionLocked settles every message of p.
func (e *Engine) settlePartitionLocked(p *topicPartition, cause error, done *settlements) {
	p.unscheduleLocked()
	for _, b := range p.sealed {
		done.add(b, b.notAcknowledged(cause))
	}
	p.sealed = nil
	done.addAllNotSent(&p.waiting, cause)
	p.waitingBytes = 0
	p.resetIfEmptyLocked()
}

// A brokerSet is the brokers of a cluster, as the engines for its topics share them:
// the connections, what is in flight, producer ids, and the lock of all that.
type brokerSet struct {
	network brokerNetwork
	limits  sendLimits
	random  randomSource
	engines []*Engine // one for each topic; it does not change once they work

	maxConnectionAge time.Duration // 0: connections are not renewed
	onRenewalRefused func(addr string, cause error)

	mu          sync.Mutex
	workers     map[int32]*brokerWorker   // by broker id
	counters    map[int32]*brokerCounters // the same
	brokers     map[int32]string          // addresses by broker id
	batchPool   recordBatchPool
	closed      bool
	settledRest bool // after Close: no answer counts any more

	producerIDs *producerIDs
	logAsker    logAsker

	ctx     context.Context // ends at Close
	cancel  context.CancelFunc
	running sync.WaitGroup
	stopped chan struct{} // closed after everything has ended
}

func newBrokerSet(c Config, l sendLimits, n brokerNetwork, random randomSource) *brokerSet {
	ctx, cancel := context.WithCancel(context.Background())
	s := &brokerSet{
		network: n,
		limits:  l,
		random:  random,

		maxConnectionAge: c.MaxConnectionAge,
		onRenewalRefused: c.RenewalRefused,

		workers:  map[int32]*brokerWorker{},
		counters: map[int32]*brokerCounters{},
		ctx:      ctx,
		cancel:   cancel,
		stopped:  make(chan struct{}),
	}
	s.logAsker = logAsker{ctx: ctx, network: n, running: &s.running}
	s.producerIDs = newProducerIDs(&s.mu, s.producerIDArrivedLocked, func(i int) *anyBroker {
		return s.anyBroker(n, c.Servers, randProducerID+uint64(i)) //nolint:gosec // not negative
	})
	return s
}

// start begins to work, once all engines are there.
func (s *brokerSet) start() {
	for _, e := range s.engines {
		s.running.Go(e.metadata.run)
	}
	for _, w := range s.producerIDs.workers {
		s.running.Go(func() { w.run(s.ctx) })
	}
}

// anyBroker returns a way to ask brokers that begins with servers.
func (s *brokerSet) anyBroker(n brokerNetwork, servers []string, stream uint64) *anyBroker {
	return &anyBroker{
		ctx: s.ctx, network: n, servers: servers, known: s.brokerAddrs, rand: s.random.stream(stream), maxAge: s.maxConnectionAge,
	}
}

// brokerAddrs returns the addresses of the brokers that the metadata names.
func (s *brokerSet) brokerAddrs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	addrs := make([]string, 0, len(s.brokers))
	for _, addr := range s.brokers {
		addrs = append(addrs, addr)
	}
	return addrs
}

// producerIDArrivedLocked continues a partition that has waited for a producer
// id.
func (s *brokerSet) producerIDArrivedLocked(r producerIDRequest) {
	e := s.engines[r.topic]
	e.scheduleLocked(e.partitions[r.partition], time.Now())
}

// partitionOf returns the partition of a record batch, and the engine for it.
func (s *brokerSet) partitionOf(b *recordBatch) (*Engine, *topicPartition) {
	e := s.engines[b.topic]
	return e, e.partitions[b.partition]
}

// requestMetadataLocked asks for the metadata of all topics.
func (s *brokerSet) requestMetadataLocked() {
	for _, e := range s.engines {
		e.metadata.requestLocked()
	}
}

// watchLocked makes the metadata of all topics follow when what has just begun at a
// broker takes too long.
func (s *brokerSet) watchLocked() {
	for _, e := range s.engines {
		e.metadata.watchLocked()
	}
}

// Close implements [producer.Producer].
func (s *brokerSet) Close() error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	var open []brokerConn
	for _, w := range s.workers {
		if w.conn != nil {
			open = append(open, w.conn)
		}
	}
	s.mu.Unlock()
	if first {
		s.cancel()
		for _, c := range open {
			c.abort()
		}
		s.running.Wait()
		s.settleRest()
		close(s.stopped)
	}
	<-s.stopped
	return nil
}

// settleRest settles every undecided message. It is called once nothing runs.
func (s *brokerSet) settleRest() {
	var done settlements
	s.mu.Lock()
	s.settledRest = true
	for _, e := range s.engines {
		e.settleRestLocked(&done)
	}
	s.mu.Unlock()
	s.settle(&done)
}

// settle reports results to their owners, without the lock: an owner may take
// locks of its own. Then it reuses the record batches.
func (s *brokerSet) settle(done *settlements) {
	done.report()
	if len(done.recordBatches) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.settledRest {
		return // nothing is reused, and Sarama may still read what it was given
	}
	for _, b := range done.recordBatches {
		s.batchPool.put(b.recordBatch)
	}
}
