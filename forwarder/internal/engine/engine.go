// Package engine is a producer of our own behind the seam of package deliver.
// Sarama does what it is good at, connections, SASL, the protocol and its
// record format; what is sent when, what is tried again and what is known
// afterwards is decided here.
//
// The way of a group: Submit places it in the queue of its partition. Each
// broker that leads partitions has a goroutine, which seals what waits for it
// into bundles, one of each partition, and sends them together. An answer
// settles messages, or says what to do next. Of a partition only one bundle is
// under way at a time: that is what keeps the order, whatever is refused or
// lost, and makes sequence numbers simple enough to be right.
package engine

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/deliver"
	"github.com/eventferry/eventferry/partition"
)

// Config is what [New] needs.
type Config struct {
	Servers []string
	Topic   string

	// Sarama has the connections' settings, and of Producer those of codec,
	// size, linger (Flush.Frequency) and time-out. The engine does not change it.
	Sarama *sarama.Config

	// Connect makes the configuration of one connection, if credentials are to
	// be asked for each time; nil stands for Sarama. It may block, and is called
	// on several goroutines.
	Connect func(context.Context) (*sarama.Config, error)

	// Hash places keys. It must be safe for concurrent use; nil: Murmur2.
	Hash partition.Func

	// FirstSequence is where each partition begins to count. 0, but for those
	// who cannot wait for 2^31 messages to see what happens then.
	FirstSequence int32
}

// An Engine is a [deliver.Producer].
type Engine struct {
	topic   string
	hash    partition.Func
	network network
	limits  limits
	seed    uint64

	partitions atomic.Int32 // their number; 0 while it is not known

	mu       sync.Mutex
	queues   []*queue // by partition
	topicID  [16]byte
	leaders  map[int32]*leader // by broker
	brokers  map[int32]string  // their addresses
	unplaced fifo              // accepted while the partitions were not known
	since    time.Time         // when the first of those came
	keyless  keyless
	stamp    int64 // of the newest message, in milliseconds, so that time never runs backwards
	spare    []*bundle
	closed   bool

	directory *directory
	ids       *ids

	ctx     context.Context // ends at Close
	cancel  context.CancelFunc
	running sync.WaitGroup
	stopped chan struct{} // closed when nothing runs any more
}

var _ deliver.Producer = (*Engine)(nil)

// New starts an engine. It does not wait for a connection: while no broker can
// be reached, what is submitted waits.
func New(c Config) (*Engine, error) {
	if err := c.Sarama.Validate(); err != nil {
		return nil, err
	}
	if !c.Sarama.Version.IsAtLeast(sarama.V3_7_0_0) { // an upper bound: brokers may be older
		return nil, sarama.ConfigurationError("the engine needs Version 3.7 or later")
	}
	return start(c, newLimits(c), newBrokers(c), newSeed()), nil
}

// start is New with the limits, the network and the seed of all chance.
func start(c Config, l limits, n network, seed uint64) *Engine {
	ctx, cancel := context.WithCancel(context.Background())
	e := &Engine{
		topic:   c.Topic,
		hash:    c.Hash,
		network: n,
		limits:  l,
		seed:    seed,
		leaders: map[int32]*leader{},
		ctx:     ctx,
		cancel:  cancel,
		stopped: make(chan struct{}),
	}
	if e.hash == nil {
		e.hash = partition.Murmur2
	}
	e.keyless.rand = e.chance(chanceKeyless)
	e.directory = newDirectory(e, c.Servers)
	e.ids = newIDs(e, c.Servers)
	e.running.Go(e.directory.run)
	for _, c := range e.ids.clerks {
		e.running.Go(c.run)
	}
	return e
}

// Withdraw implements [deliver.Producer].
func (e *Engine) Withdraw(g *deliver.Group) (partition int32, first int) {
	t := g.State.(*entry) //nolint:errcheck // Submit has put it there
	e.mu.Lock()
	defer e.mu.Unlock()
	partition = -1
	if t.queue != nil {
		partition = t.queue.partition
	}
	return partition, e.restLocked(t)
}

// Close implements [deliver.Producer].
func (e *Engine) Close() error {
	e.mu.Lock()
	first := !e.closed
	e.closed = true
	var open []conn
	for _, l := range e.leaders {
		if l.conn != nil {
			open = append(open, l.conn)
		}
	}
	e.mu.Unlock()
	if first {
		e.cancel()
		for _, c := range open {
			c.abort()
		}
		e.running.Wait()
		e.settleAll()
		close(e.stopped)
	}
	<-e.stopped
	return nil
}

// settleAll settles what is left when nothing runs any more.
func (e *Engine) settleAll() {
	var done settlements
	e.mu.Lock()
	for _, q := range e.queues {
		cause := deliver.ErrClosed
		if q.cause != nil {
			cause = fmt.Errorf("%w: %w", deliver.ErrClosed, q.cause)
		}
		e.endLocked(q, cause, &done)
	}
	done.refuse(&e.unplaced, deliver.ErrClosed)
	e.mu.Unlock()
	done.settle(e)
}

// endLocked settles all that q has.
func (e *Engine) endLocked(q *queue, cause error, done *settlements) {
	q.unlistLocked()
	for _, b := range q.held {
		done.add(b, b.lost(cause))
	}
	q.held = nil
	done.refuse(&q.waiting, cause)
	q.bytes = 0
	q.emptiedLocked()
}
