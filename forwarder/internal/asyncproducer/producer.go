package asyncproducer

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/choose"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/timestamp"
	"github.com/eventferry/eventferry/partition"
)

// A Producer is the [producer.Producer] on Sarama's AsyncProducer.
//
// Sarama's objects are behind function values here and in all that a Producer
// refers to: their configuration holds the password, and printing a Producer by
// reflection must not show it.
type Producer struct {
	topic    string
	hash     partition.Func
	limits   limits
	metadata *metadata
	start    func() (sarama.AsyncProducer, error)

	mu         sync.Mutex
	partitions map[int32]*partitionQueue
	unplaced   *partitionQueue                        // of partitions: accepted while those were not known
	inFlight   map[*sarama.ProducerMessage]messageRef // that AsyncProducers have
	clock      timestamp.Clock
	current    *asyncProducer          // that new messages go to; nil until there is one
	open       map[*asyncProducer]bool // all that have not been closed
	renewing   bool
	failure    error // of the last attempt to start an AsyncProducer
	closed     bool

	ctx     context.Context // ends at Close
	cancel  context.CancelFunc
	feeding sync.WaitGroup // goroutines that wait for none of Sarama's
	asking  sync.WaitGroup // the others: for metadata, AsyncProducers and their answers
	stopped chan struct{}  // closed when every message is settled
}

// Config is what [New] needs.
type Config struct {
	Servers []string
	Topic   string

	// Sarama must have the manual partitioner and no reordering. New completes
	// it, so it is the producer's from then on.
	Sarama *sarama.Config

	// Hash places keys. It must be safe for concurrent use; nil: Murmur2.
	Hash partition.Func

	// RenewAfter is the number of messages of one partition after which a new
	// AsyncProducer takes over. 0: 2^30, half of what can be numbered.
	RenewAfter int64
}

// New starts a producer. It does not wait for a connection: while no broker can
// be reached, messages wait. An error is a mistake in the configuration.
func New(c Config) (*Producer, error) {
	a := newUnstarted(c)
	adapt(a.ctx, c.Sarama)
	stock, err := sarama.NewClient(c.Servers, c.Sarama)
	if err != nil {
		a.cancel()
		return nil, err
	}
	a.run(stock, sarama.NewAsyncProducerFromClient)
	return a, nil
}

func newUnstarted(c Config) *Producer {
	ctx, cancel := context.WithCancel(context.Background())
	a := &Producer{
		topic: c.Topic,
		hash:  c.Hash,
		limits: limits{
			messages:  window,
			bytes:     c.Sarama.Producer.MaxMessageBytes,
			sequences: cmp.Or(c.RenewAfter, renewAfter),
			failures:  renewAfterFailures,
		},
		partitions: map[int32]*partitionQueue{},
		inFlight:   map[*sarama.ProducerMessage]messageRef{},
		open:       map[*asyncProducer]bool{},
		ctx:        ctx,
		cancel:     cancel,
		stopped:    make(chan struct{}),
	}
	a.unplaced = a.addQueueLocked(producer.NoPartition)
	return a
}

// run starts the goroutines.
func (a *Producer) run(stock sarama.Client, start func(sarama.Client) (sarama.AsyncProducer, error)) {
	a.metadata = newMetadata(a.ctx, stock, a.topic)
	a.start = func() (sarama.AsyncProducer, error) { return start(client{stock, a.metadata}) }
	a.asking.Go(a.metadata.keepFresh)
	a.feeding.Go(a.place)
	a.renewing = true
	a.asking.Go(a.renew)
	context.AfterFunc(a.ctx, func() { a.end(stock) })
}

// Submit implements [producer.Producer].
func (a *Producer) Submit(submitted *producer.Group) {
	g := &acceptedGroup{group: submitted, queue: a.unplaced}
	submitted.State = g
	number, err := a.choose(submitted.Messages[0].Key) // before the lock is taken: it may run the caller's code
	a.mu.Lock()
	switch {
	case a.closed:
		err = producer.ErrClosed
	case err != nil:
	default:
		g.timestamp = a.clock.Next(time.Now())
		if a.unplaced.waiting.Len() > 0 { // behind those that came before
			number = producer.NoPartition
		}
		a.enqueueLocked(g, number)
	}
	first := len(submitted.Messages)
	if err != nil {
		first = g.withdrawLocked()
	}
	a.mu.Unlock()
	g.settleNotSent(first, err)
}

// choose returns the partition for all messages of a group, producer.NoPartition
// while the partitions are not known. Messages without a key get a random partition
// that has a leader, or any while none has.
func (a *Producer) choose(key []byte) (int32, error) {
	v := a.metadata.known()
	candidates := v.leading
	if len(candidates) == 0 {
		candidates = v.all
	}
	switch {
	case len(candidates) == 0:
		return producer.NoPartition, nil
	case key == nil:
		return candidates[rand.IntN(len(candidates))], nil
	default:
		return choose.Partition(a.hash, key, int32(len(v.all))) //nolint:gosec // a number of partitions
	}
}

// Withdraw implements [producer.Producer].
func (a *Producer) Withdraw(submitted *producer.Group) (number int32, first int) {
	g := submitted.State.(*acceptedGroup) //nolint:errcheck // Submit has put it there
	a.mu.Lock()
	defer a.mu.Unlock()
	return g.queue.number, g.withdrawLocked()
}

// Waiting implements [producer.Producer].
func (a *Producer) Waiting(patience time.Duration) []producer.Waiting {
	before := time.Now().Add(-patience)
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []producer.Waiting
	for _, p := range a.partitions {
		if p.undecidedLocked() && !p.waitingSince.After(before) {
			list = append(list, producer.Waiting{
				Partition: p.number,
				Since:     p.waitingSince,
				Cause:     cmp.Or(a.metadata.cause(p.number), a.failure),
				Next:      "the next attempt, after at most 5 seconds",
			})
		}
	}
	slices.SortFunc(list, func(a, b producer.Waiting) int { return cmp.Compare(a.Partition, b.Partition) })
	return list
}

// Close implements [producer.Producer].
func (a *Producer) Close() error {
	a.mu.Lock()
	a.closed = true
	for _, p := range a.partitions {
		p.changed.Broadcast()
	}
	a.mu.Unlock()
	a.cancel()
	<-a.stopped
	return nil
}
