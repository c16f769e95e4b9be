package deliver

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/staggered"
)

const (
	refreshEvery   = 5 * time.Minute // so that new partitions are seen; Java's metadata.max.age.ms
	leaderlessAge  = 5 * time.Second // how old news of a missing leader may get
	firstRefresh   = 100 * time.Millisecond
	longestRefresh = 2 * time.Second
)

// A cluster is the client that AsyncProducer sees: Sarama's own, save that it
// never gives up and never blocks who must not be blocked.
//
// Sarama's client counts its attempts to get metadata, recurses for each, and
// ends in errors that AsyncProducer passes on to messages; three of them open
// a circuit breaker that fails everything for ten seconds. It also blocks who
// asks, and AsyncProducer asks on goroutines that other partitions need. Here
// one goroutine asks, one attempt at a time and as long as it takes. Only the
// search for a partition's leader waits for it, which AsyncProducer does on a
// goroutine of that partition.
type cluster struct {
	sarama.Client // makes single attempts
	topic         string
	abort         <-chan struct{}

	mu      sync.Mutex
	view    view
	wanted  uint64        // raised by everyone who needs newer metadata
	have    uint64        // what wanted was when the newest metadata was asked for
	failure error         // of the last attempt; nil if it got an answer
	tried   chan struct{} // closed after each attempt, then replaced
	kick    chan struct{}

	asking sync.WaitGroup // requests of LeastLoadedBroker's
}

// A view is what is known of the topic's partitions.
type view struct {
	all    []int32 // 0, 1, 2 ...: as many as there are
	leader []int32 // those that have a leader
}

func newCluster(client sarama.Client, topic string, abort <-chan struct{}) *cluster {
	return &cluster{
		Client: client,
		topic:  topic,
		abort:  abort,
		wanted: 1,
		tried:  make(chan struct{}),
		kick:   make(chan struct{}, 1),
	}
}

// run refreshes until abort: at once when somebody asks, but never twice
// within a pause that grows while the answers do not help. It calls changed
// after each attempt.
func (c *cluster) run(changed func()) {
	pause := firstRefresh
	for {
		settled := c.refresh()
		changed()
		if settled {
			pause = firstRefresh
		}
		if !sleep(pause, c.abort) {
			return
		}
		if !settled {
			pause = min(2*pause, longestRefresh)
		}
		if !c.idle(settled) {
			return
		}
	}
}

// idle waits until it is time for the next attempt.
func (c *cluster) idle(settled bool) bool {
	every := refreshEvery
	if !settled {
		every = leaderlessAge
	}
	c.mu.Lock()
	due := c.have < c.wanted
	c.mu.Unlock()
	if due {
		return true
	}
	t := time.NewTimer(every)
	defer t.Stop()
	select {
	case <-c.kick:
	case <-t.C:
	case <-c.abort:
		return false
	}
	return true
}

// refresh makes one attempt. It reports whether every partition has a leader.
func (c *cluster) refresh() bool {
	c.mu.Lock()
	target := c.wanted
	c.mu.Unlock()

	err := c.Client.RefreshMetadata(c.topic)
	var v view
	if err == nil || errors.Is(err, sarama.ErrLeaderNotAvailable) { // the others' leaders are told all the same
		v, err = c.look()
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure = err; err == nil {
		c.view, c.have = v, target
	}
	close(c.tried)
	c.tried = make(chan struct{})
	return err == nil && len(v.leader) == len(v.all)
}

// look reads what the client has just learned.
func (c *cluster) look() (view, error) {
	ids, err := c.Client.Partitions(c.topic)
	if err != nil {
		return view{}, err
	}
	if len(ids) == 0 {
		return view{}, sarama.ErrUnknownTopicOrPartition
	}
	v := view{all: make([]int32, slices.Max(ids)+1)}
	for i := range v.all {
		v.all[i] = int32(i)
	}
	v.leader, err = c.Client.WritablePartitions(c.topic)
	if errors.Is(err, sarama.ErrLeaderNotAvailable) { // all of them wait for an election
		v.leader, err = nil, nil
	}
	return v, err
}

func (c *cluster) wantLocked() {
	c.wanted++
	select {
	case c.kick <- struct{}{}:
	default: // it has been told already
	}
}

// RefreshMetadata asks for newer metadata and does not wait for it:
// AsyncProducer calls it on goroutines that serve all partitions of a broker.
// Whoever then asks for a leader waits.
func (c *cluster) RefreshMetadata(...string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wantLocked()
	return nil
}

// Leader waits until the metadata is as new as was asked for and names a
// leader. It fails only at abort.
func (c *cluster) Leader(topic string, partition int32) (*sarama.Broker, error) {
	c.mu.Lock()
	need := c.wanted
	c.mu.Unlock()
	for !isClosed(c.abort) {
		known, tried := c.newer(partition, need)
		if known {
			b, err := c.Client.Leader(topic, partition)
			if err == nil {
				return b, nil
			}
			_ = c.RefreshMetadata() // never fails
		}
		select {
		case <-tried:
		case <-c.abort:
		}
	}
	return nil, ErrClosed
}

// newer reports whether metadata at least as new as need names a leader, and
// asks for newer if not. The channel is closed after the next attempt.
func (c *cluster) newer(partition int32, need uint64) (bool, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.have >= need && slices.Contains(c.view.leader, partition)
	if !known {
		c.wantLocked()
	}
	return known, c.tried
}

// await waits until the partitions are known; false at abort.
func (c *cluster) await() bool {
	for !isClosed(c.abort) {
		c.mu.Lock()
		known, tried := len(c.view.all) > 0, c.tried
		c.mu.Unlock()
		if known {
			return true
		}
		select {
		case <-tried:
		case <-c.abort:
		}
	}
	return false
}

// Partitions never blocks and never fails once a message can be under way.
func (c *cluster) Partitions(string) ([]int32, error) { return c.now().all, nil }

// WritablePartitions is like Partitions.
func (c *cluster) WritablePartitions(string) ([]int32, error) { return c.now().leader, nil }

// LeastLoadedBroker returns a broker that has just answered, nil if none does.
// AsyncProducer asks it for the producer's id. The client's own method would
// return a broker that says nothing again and again.
func (c *cluster) LeastLoadedBroker() *sarama.Broker {
	brokers := c.Client.Brokers()
	if len(brokers) == 0 {
		return c.Client.LeastLoadedBroker() // a bootstrap server
	}
	rand.Shuffle(len(brokers), func(i, j int) { brokers[i], brokers[j] = brokers[j], brokers[i] })
	b, err := staggered.First(&c.asking, len(brokers), func(i int) (*sarama.Broker, error) {
		b := brokers[i]
		_ = b.Open(c.Client.Config()) // fails if it is open
		_, err := b.ApiVersions(&sarama.ApiVersionsRequest{})
		if err != nil {
			_ = b.Close() // so that it is opened anew
		}
		return b, err
	}, func(*sarama.Broker) {})
	if err != nil {
		return nil
	}
	return b
}

// known reports whether the topic's partitions are known.
func (c *cluster) known() bool { return len(c.now().all) > 0 }

func (c *cluster) now() view {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.view
}

// cause is why messages for a partition wait, as far as metadata tells;
// partition -1 stands for all.
func (c *cluster) cause(partition int32) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.failure != nil:
		return c.failure
	case partition >= 0 && !slices.Contains(c.view.leader, partition):
		return fmt.Errorf("partition %d: %w", partition, sarama.ErrLeaderNotAvailable)
	default:
		return nil
	}
}

// sleep reports false when abort has ended it.
func sleep(d time.Duration, abort <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-abort:
		return false
	}
}

func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}
