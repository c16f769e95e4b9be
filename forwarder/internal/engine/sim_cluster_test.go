package engine

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

const (
	simTopic = "events"
	simHangs = "nobody:9092" // an address where nothing answers
)

// A simCluster is a Kafka cluster in memory, for use in a bubble of
// testing/synctest. By itself it does nothing: whatever a client asks waits
// until a move is made. So one seed decides about everything that
// happens, and the order in which the client's goroutines come here decides
// about nothing.
type simCluster struct {
	mu         sync.Mutex
	brokers    []*simBroker
	partitions []*simPartition
	dials      []*simDial
	conns      []*simConn
	names      map[simName]int
	producers  int64         // producer ids given away
	expires    time.Duration // after which producers are forgotten; 0: never

	// How it behaves.
	limit      int              // most bytes of a batch
	request    int              // most bytes of a produce request, above which the connection is closed; 0: any
	onWire     int              // most bytes there of a request with several batches; 0: any
	hints      bool             // who is not leader names the leader
	blames     bool             // a refusal names the records that are to blame
	duplicates bool             // what is there already is answered with an error
	trouble    error            // the answer to metadata and to who wants a producer id
	throttle   time.Duration    // in all answers
	aliases    map[string]int32 // other addresses of brokers
	lax        bool             // any number of requests may be in flight
	refusals   []*simRefusal
	topic      byte // changes when the topic is replaced

	journal *simJournal // of who writes; nil: none

	// Who watches. They are called with the lock.
	appended func(partition int32, w simWritten)
	shorter  func(partition int32) // a new leader lacks what the log had
	refused  func(b *simBatch)     // for the sake of its records
	cut      func(b *simBatch)     // its connection was lost with it alone in a request
	shown    func(b *simBatch)     // who has asked for it was told that it is safe
	broken   func(invariant, format string, args ...any)
}

// A simBroker is one of its brokers.
type simBroker struct {
	id    int32
	addr  string
	up    bool
	known topicMetadata // what it says of the topic, which may be old

	refuses bool // connections
	proxy   bool // connections end with their first request
	stalls  bool // what is written to it blocks
	stale   bool // it is cut off from the controllers, and does not know
}

// A simPartition is the topic's partition.
type simPartition struct {
	id     int32
	leader int32
	epoch  int32 // of the leader
	log    simLog

	denied     bool            // writing is not allowed
	hidden     bool            // reading is not allowed
	compressed int             // percent of their size that messages take on the wire; 0: it is not told
	before     []sarama.KError // the next requests are answered so, and not written
	after      []sarama.KError // the next are answered so, although they were written
}

func newSimCluster(brokers, partitions int) *simCluster {
	s := &simCluster{
		names: map[simName]int{}, limit: 1 << 20, aliases: map[string]int32{},
		appended: func(int32, simWritten) {},
		shorter:  func(int32) {},
		refused:  func(*simBatch) {},
		cut:      func(*simBatch) {},
		shown:    func(*simBatch) {},
		broken:   func(string, string, ...any) {},
	}
	for i := range int32(brokers) { //nolint:gosec // few
		s.brokers = append(s.brokers, &simBroker{id: i + 1, addr: fmt.Sprintf("broker-%d:9092", i+1), up: true})
	}
	for i := range int32(partitions) { //nolint:gosec // few
		s.partitions = append(s.partitions, &simPartition{id: i, leader: i%int32(brokers) + 1}) //nolint:gosec // few
	}
	s.spread()
	return s
}

func (s *simCluster) servers() (list []string) {
	for _, b := range s.brokers {
		list = append(list, b.addr)
	}
	return list
}

func (s *simCluster) broker(id int32) *simBroker { return s.brokers[id-1] }

// spread tells all brokers who leads.
func (s *simCluster) spread() {
	for _, b := range s.brokers {
		s.tell(b)
	}
}

// tell lets b know who leads.
func (s *simCluster) tell(b *simBroker) {
	if b.stale {
		return
	}
	b.known = topicMetadata{topicID: [16]byte{1 + s.topic}, brokers: map[int32]string{}}
	for _, other := range s.brokers {
		if other.up {
			b.known.brokers[other.id] = other.addr
		}
	}
	for _, p := range s.partitions {
		b.known.leaders = append(b.known.leaders, p.leader)
		b.known.epochs = append(b.known.epochs, p.epoch)
	}
}

// lead makes a broker leader of p, or none. It lacks the last batches that
// were not replicated.
func (s *simCluster) lead(p *simPartition, broker int32, lost int) {
	p.leader = broker
	p.epoch++
	p.log.lead(lost)
	if lost > 0 {
		s.shorter(p.id)
	}
}

// stop ends a broker, with all that it has been sent.
func (s *simCluster) stop(b *simBroker) {
	b.up = false
	for _, c := range s.conns {
		if c.broker == b {
			c.dieLocked(errSimReset)
			c.late = nil
		}
	}
}

// A simDial is a connection that is being opened.
type simDial struct {
	addr  string
	since time.Time
	over  bool
	done  chan struct{}
	conn  *simConn
	err   error
}

var (
	errSimReset   = errors.New("sim: connection reset by peer")
	errSimRefused = errors.New("sim: connection refused")
	errSimTimeout = fmt.Errorf("sim: %w", os.ErrDeadlineExceeded)
	errSimClosed  = fmt.Errorf("sim: %w", net.ErrClosed)
)

// connect implements network.
func (s *simCluster) connect(ctx context.Context, addr string) (brokerConn, error) {
	d := &simDial{addr: addr, since: time.Now(), done: make(chan struct{})}
	s.mu.Lock()
	s.dials = append(s.dials, d)
	s.mu.Unlock()
	select {
	case <-d.done:
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		if !d.over {
			s.dials = slices.DeleteFunc(s.dials, func(o *simDial) bool { return o == d })
			return nil, ctx.Err()
		}
	}
	if d.err != nil {
		return nil, d.err
	}
	return d.conn, nil
}

// dialed are the addresses that wait for an answer.
func (s *simCluster) dialed() (addrs []string) {
	for _, d := range s.dials {
		if d.addr != simHangs && !slices.Contains(addrs, d.addr) {
			addrs = append(addrs, d.addr)
		}
	}
	slices.Sort(addrs)
	return addrs
}

// answerDials ends all attempts to connect to addr in the same way. Who dials
// the same address at the same time cannot be told apart, so there is no order
// that could be repeated.
func (s *simCluster) answerDials(addr string) error {
	id := s.aliases[addr]
	for _, b := range s.brokers {
		if b.addr == addr {
			id = b.id
		}
	}
	var b *simBroker
	var err error
	switch {
	case id == 0:
		err = errSimRefused
	case !s.broker(id).up || s.broker(id).refuses:
		err = errSimRefused
	default:
		b = s.broker(id)
	}
	var rest []*simDial
	for _, d := range s.dials {
		if d.addr != addr {
			rest = append(rest, d)
			continue
		}
		if d.over, d.err = true, err; err == nil {
			d.conn = &simConn{sim: s, broker: b, eof: b.proxy}
			s.conns = append(s.conns, d.conn)
		}
		close(d.done)
	}
	s.dials = rest
	return err
}

// sorted are the connections that have been used, in an order that does not
// depend on who came first.
func (s *simCluster) sorted() []*simConn {
	s.conns = slices.DeleteFunc(s.conns, func(c *simConn) bool { return c.dead && len(c.late) == 0 && !c.writing() })
	slices.SortStableFunc(s.conns, func(a, b *simConn) int {
		return cmp.Or(cmp.Compare(a.name.broker, b.name.broker), cmp.Compare(a.name.role, b.name.role), cmp.Compare(a.name.partition, b.name.partition), cmp.Compare(a.number, b.number))
	})
	first := slices.IndexFunc(s.conns, func(c *simConn) bool { return c.number > 0 })
	if first < 0 {
		return nil
	}
	return s.conns[first:]
}

// expire fails what has waited for too long.
func (s *simCluster) expire(now time.Time, patience time.Duration) {
	s.dials = slices.DeleteFunc(s.dials, func(d *simDial) bool {
		if now.Sub(d.since) <= patience {
			return false
		}
		d.over, d.err = true, errSimTimeout
		close(d.done)
		return true
	})
	for _, c := range s.sorted() {
		if len(c.calls) > 0 && now.Sub(c.calls[0].since) > patience {
			c.dieLocked(errSimTimeout)
		}
	}
}

// poisoned records are refused by every broker.
func poisoned(value []byte) bool { return bytes.Contains(value, []byte("poison")) }
