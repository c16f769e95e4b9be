package deliver

import (
	"cmp"
	"container/list"
	"context"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// Async is the [Producer] on Sarama's AsyncProducer.
//
// AsyncProducer takes messages from one channel and cannot give one back. So
// groups wait in a queue of our own for each partition, and one goroutine hands
// over no more than AsyncProducer can work on: what is still queued can be
// withdrawn and is known not to be sent, and a partition that makes no progress
// holds up no other.
type Async struct {
	topic   string
	choose  sarama.Partitioner
	config  *sarama.Config
	cluster *cluster
	dialer  *dialer
	start   func(sarama.Client) (sarama.AsyncProducer, error)
	limits  limits

	mu       sync.Mutex
	lanes    map[int32]*lane
	unplaced list.List  // of *entry: accepted while the partitions were not known
	since    time.Time  // when the first of those came
	ready    []*lane    // those that may have something to hand over
	session  *session   // that new messages go to; nil until there is one
	sessions []*session // all that have not ended
	renewing bool
	numbered bool  // a partition has used up its numbers in this session
	trouble  error // why there is no session, or no new one
	closed   bool
	stamp    time.Time // of the newest message, so that time never runs backwards
	wake     chan struct{}

	ended   context.CancelFunc
	abort   <-chan struct{} // closed by Close
	running sync.WaitGroup
	stopped chan struct{} // closed when no goroutine is left
}

// AsyncConfig is what [NewAsync] needs.
type AsyncConfig struct {
	Servers []string
	Topic   string

	// Sarama must never reorder, and must leave the choice of the partition to
	// Partitioner. NewAsync completes it, so it is the producer's from then on.
	Sarama *sarama.Config

	// Partitioner chooses for whole groups. It must be safe for concurrent use.
	Partitioner sarama.Partitioner

	// RenewAfter so many messages of one partition, a new producer takes over.
	// 0: 2^30, half of what can be numbered.
	RenewAfter int64
}

// NewAsync starts a producer. It does not wait for a connection: while no
// broker can be reached, what is submitted waits. An error is a mistake in the
// configuration.
func NewAsync(c AsyncConfig) (*Async, error) {
	a := newAsync(c)
	client, err := sarama.NewClient(a.seeds(c), c.Sarama)
	if err != nil {
		a.ended()
		return nil, err
	}
	a.cluster = newCluster(client, c.Topic, a.abort)
	go a.run()
	return a, nil
}

func newAsync(c AsyncConfig) *Async {
	ctx, cancel := context.WithCancel(context.Background())
	a := &Async{
		topic:  c.Topic,
		choose: c.Partitioner,
		config: c.Sarama,
		start:  sarama.NewAsyncProducerFromClient,
		limits: limits{
			messages: window,
			bytes:    c.Sarama.Producer.MaxMessageBytes,
			numbered: cmp.Or(c.RenewAfter, renewAfter),
			failures: renewAfterFailures,
		},
		lanes:   map[int32]*lane{},
		wake:    make(chan struct{}, 1),
		ended:   cancel,
		abort:   ctx.Done(),
		stopped: make(chan struct{}),
	}
	a.dialer = &dialer{ctx: ctx, dial: DialWith(c.Sarama), open: map[*trackedConn]struct{}{}}
	a.complete(c.Sarama)
	return a
}

// complete sets what this package's own promises need of the configuration.
func (a *Async) complete(cfg *sarama.Config) {
	cfg.Net.Proxy.Enable, cfg.Net.Proxy.Dialer = true, a.dialer
	cfg.Metadata.Retry.Max = 0         // the cluster asks again, for as long as it takes
	cfg.Metadata.RefreshFrequency = 0  // and now and then, too
	cfg.ChannelBufferSize = 2 * window // so that no partition's channel is ever full
	pause := cfg.Producer.Retry.BackoffFunc
	cfg.Producer.Retry.BackoffFunc = func(retries, most int) time.Duration {
		// Waiting here, not where Sarama would, lets Close end the wait.
		sleep(pause(retries, most), a.abort)
		return 0
	}
}

// seeds is what Sarama's client begins with.
func (a *Async) seeds(c AsyncConfig) []string {
	kerberos := c.Sarama.Net.SASL.Enable && c.Sarama.Net.SASL.Mechanism == sarama.SASLTypeGSSAPI
	if kerberos || c.Sarama.Net.TLS.Enable { // takes the server's name from them
		return c.Servers
	}
	a.dialer.servers = c.Servers
	return []string{a.dialer.seed()}
}

// DialWith is how connections are opened that are configured so.
func DialWith(cfg *sarama.Config) func(context.Context, string, string) (net.Conn, error) {
	if cfg.Net.Proxy.Enable {
		if d, ok := cfg.Net.Proxy.Dialer.(interface {
			DialContext(context.Context, string, string) (net.Conn, error)
		}); ok {
			return d.DialContext
		}
		d := cfg.Net.Proxy.Dialer
		return func(_ context.Context, network, addr string) (net.Conn, error) { return d.Dial(network, addr) }
	}
	d := net.Dialer{Timeout: cfg.Net.DialTimeout, KeepAlive: cfg.Net.KeepAlive}
	return d.DialContext
}

// Submit implements [Producer].
func (a *Async) Submit(g *Group) {
	e := &entry{group: g}
	g.State = e
	// The partition is chosen before the lock is taken: the choice may run the
	// caller's code.
	partition, err := a.place(e)
	a.mu.Lock()
	for partition < 0 && err == nil && a.cluster.known() { // only now: nobody would come back for e
		a.mu.Unlock()
		partition, err = a.place(e)
		a.mu.Lock()
	}
	switch {
	case a.closed:
		err = ErrClosed
	case err != nil:
	default:
		e.stamp = a.stampLocked()
		if partition < 0 || a.unplaced.Len() > 0 { // behind those that came before
			if a.unplaced.Len() == 0 {
				a.since = time.Now()
			}
			e.pushLocked(&a.unplaced)
		} else {
			a.enqueueLocked(e, partition)
		}
	}
	rest := len(g.Messages)
	if err != nil {
		rest = e.restLocked()
	}
	a.mu.Unlock()
	e.refuse(rest, err)
	a.wakeUp()
}

// stampLocked is the wall clock, unless that has been set back.
func (a *Async) stampLocked() time.Time {
	if now := time.Now().Round(0); now.After(a.stamp) { // Round(0): compare wall clocks, not monotonic ones
		a.stamp = now
	}
	return a.stamp
}

// Withdraw implements [Producer].
func (a *Async) Withdraw(g *Group) (partition int32, first int) {
	e := g.State.(*entry) //nolint:errcheck // Submit has put it there
	a.mu.Lock()
	defer a.mu.Unlock()
	partition = -1
	if e.lane != nil {
		partition = e.lane.partition
	}
	return partition, e.restLocked()
}

// Waiting implements [Producer].
func (a *Async) Waiting(patience time.Duration) []Waiting {
	before := time.Now().Add(-patience)
	a.mu.Lock()
	trouble := a.trouble
	var list []Waiting
	if a.unplaced.Len() > 0 && !a.since.After(before) {
		list = append(list, Waiting{Partition: -1, Since: a.since})
	}
	for _, l := range a.lanes {
		if l.undecidedLocked() && !l.since.After(before) {
			list = append(list, Waiting{Partition: l.partition, Since: l.since})
		}
	}
	a.mu.Unlock()
	slices.SortFunc(list, func(a, b Waiting) int { return cmp.Compare(a.Partition, b.Partition) })
	for i := range list {
		w := &list[i]
		w.Next = "the next attempt, after at most 5 seconds"
		if w.Cause = a.cluster.cause(w.Partition); w.Cause == nil {
			w.Cause = trouble
		}
	}
	return list
}

// Close implements [Producer].
func (a *Async) Close() error {
	a.mu.Lock()
	first := !a.closed
	a.closed = true
	a.mu.Unlock()
	if first {
		a.ended()
		a.dialer.abort()
	}
	<-a.stopped
	return nil
}

// run works until Close, and settles what is left.
func (a *Async) run() {
	defer close(a.stopped)
	a.running.Go(func() { a.cluster.run(a.placeWaiting) })
	a.feed()
	a.running.Wait()
	a.endAll()
	a.cluster.asking.Wait()
	a.settleQueued()
	_ = a.cluster.Client.Close() // it was of use to the producers only, which have ended
}

func (a *Async) wakeUp() {
	select {
	case a.wake <- struct{}{}:
	default: // the feeder has been told already
	}
}
