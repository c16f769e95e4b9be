package engine

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/partition"
)

// A naive producer has each message in a batch of its own and, if it is told
// to, several of a partition in flight. What brokers find out of order it
// numbers anew: with one batch in flight that never happens, with more of them
// it looks as if it helped.
type naive struct {
	setup  modelSetup
	window int
	calls  chan func()
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{}

	// Of its goroutine:

	conns  map[string]brokerConn
	view   topicMetadata
	stale  bool
	asked  int
	lanes  []*naiveLane
	groups []*producer.Group // that came before the partitions were known
}

type naiveLane struct {
	partition int32
	id        int64
	epoch     int16
	next      int32
	queue     []*naiveMessage // the first ones may be in flight
	busy      bool            // it waits a moment
}

type naiveMessage struct {
	group    *producer.Group
	index    int
	stamp    time.Time
	numbered bool
	flying   bool
	maybe    bool
	epoch    int16
	sequence int32
}

func naively(window int) modelSubject {
	return func(s modelSetup) producer.Producer {
		n := &naive{
			setup: s, window: window, calls: make(chan func(), 1000), done: make(chan struct{}),
			conns: map[string]brokerConn{}, stale: true,
		}
		n.ctx, n.cancel = context.WithCancel(context.Background())
		if c, ok := s.network.(*simCluster); ok {
			c.lax = true // the harm is to be found, not that it is there
		}
		go n.run()
		return n
	}
}

// do runs f on n's goroutine.
func (n *naive) do(f func()) {
	select {
	case n.calls <- f:
	case <-n.done:
	}
}

// Submit implements producer.Producer.
func (n *naive) Submit(g *producer.Group) {
	if n.ctx.Err() != nil {
		for i := range g.Messages {
			g.Owner.Settle(i, producer.Result{Partition: -1, Offset: -1, Outcome: producer.NotSent, Err: producer.ErrClosed})
		}
		return
	}
	n.do(func() { n.groups = append(n.groups, g) })
}

// Withdraw implements producer.Producer. It gives nothing back.
func (n *naive) Withdraw(g *producer.Group) (int32, int) { return -1, len(g.Messages) }

// Waiting implements producer.Producer.
func (n *naive) Waiting(time.Duration) []producer.Waiting { return nil }

// Close implements producer.Producer.
func (n *naive) Close() error {
	n.cancel()
	<-n.done
	return nil
}

func (n *naive) run() {
	defer close(n.done)
	for n.ctx.Err() == nil {
		if n.stale {
			n.refresh()
		}
		n.place()
		for _, l := range n.lanes {
			n.send(l)
		}
		select {
		case f := <-n.calls:
			f()
		case <-time.After(20 * time.Millisecond):
			for _, l := range n.lanes {
				l.busy = false
			}
		case <-n.ctx.Done():
		}
	}
	for addr := range n.conns {
		n.drop(addr)
	}
	for len(n.calls) > 0 {
		(<-n.calls)()
	}
	n.giveUp()
}

// giveUp settles what is left.
func (n *naive) giveUp() {
	for _, g := range n.groups {
		for i := range g.Messages {
			g.Owner.Settle(i, producer.Result{Partition: -1, Offset: -1, Outcome: producer.NotSent, Err: producer.ErrClosed})
		}
	}
	for _, l := range n.lanes {
		for len(l.queue) > 0 {
			n.settle(l, l.queue[0], producer.Unknown, -1, producer.ErrClosed)
		}
	}
}

// brokerConn opens a connection, or takes the one that there is.
func (n *naive) conn(addr string) brokerConn {
	if c := n.conns[addr]; c != nil {
		return c
	}
	ctx, cancel := context.WithTimeout(n.ctx, time.Second)
	defer cancel()
	c, err := n.setup.network.connect(ctx, addr)
	if err != nil {
		n.stale = true
		return nil
	}
	context.AfterFunc(n.ctx, c.abort)
	n.conns[addr] = c
	return c
}

func (n *naive) drop(addr string) {
	if c := n.conns[addr]; c != nil {
		c.abort()
		c.close()
		delete(n.conns, addr)
	}
}

func (n *naive) refresh() {
	n.asked++
	addr := n.setup.servers[n.asked%len(n.setup.servers)]
	c := n.conn(addr)
	if c == nil {
		return
	}
	v, err := c.metadata()
	if err != nil {
		n.drop(addr)
		return
	}
	n.view, n.stale = v, slices.Contains(v.leaders, noLeader)
	for i := len(n.lanes); i < len(v.leaders); i++ {
		n.lanes = append(n.lanes, &naiveLane{partition: int32(i), next: n.setup.first}) //nolint:gosec // few
	}
}

func (n *naive) place() {
	if len(n.lanes) == 0 {
		return
	}
	for _, g := range n.groups {
		l := n.lanes[0]
		if key := g.Messages[0].Key; key != nil {
			l = n.lanes[partition.Murmur2(key, int32(len(n.lanes)))] //nolint:gosec // few
		}
		for i := range g.Messages {
			l.queue = append(l.queue, &naiveMessage{group: g, index: i, stamp: time.Now()})
		}
	}
	n.groups = nil
}

// send sends what may be in flight.
func (n *naive) send(l *naiveLane) {
	addr := ""
	if int(l.partition) < len(n.view.leaders) { // else what it was told is old
		addr = n.view.brokers[n.view.leaders[l.partition]]
	}
	if addr == "" || l.busy {
		n.stale = n.stale || addr == "" && len(l.queue) > 0
		return
	}
	for i := 0; i < len(l.queue) && i < n.window; i++ {
		if m := l.queue[i]; !m.flying {
			c := n.conn(addr)
			if c == nil || !n.number(l, m, c, addr) {
				return
			}
			n.produce(l, m, c, addr)
		}
	}
}

// number gives m its place, once.
func (n *naive) number(l *naiveLane, m *naiveMessage, c brokerConn, addr string) bool {
	if l.id == 0 {
		answer, err := c.producerID()
		if err != nil {
			n.stale = true
			n.drop(addr)
			return false
		}
		l.id = answer.id
	}
	if !m.numbered {
		m.numbered, m.epoch, m.sequence = true, l.epoch, l.next
		l.next = int32((int64(l.next) + 1) & math.MaxInt32)
	}
	return true
}

func (n *naive) produce(l *naiveLane, m *naiveMessage, c brokerConn, addr string) {
	one := m.group.Messages[m.index]
	record := &sarama.Record{Key: one.Key, Value: one.Value}
	if one.Part != "" {
		record.Headers = []*sarama.RecordHeader{{Key: []byte(producer.PartHeader), Value: []byte(one.Part)}}
	}
	m.flying = true
	err := c.produce(&produceRequest{partitions: []partitionRecords{{"events", l.partition, &sarama.RecordBatch{
		Version: recordBatchVersion, PartitionLeaderEpoch: -1, Records: []*sarama.Record{record},
		FirstTimestamp: m.stamp, MaxTimestamp: m.stamp,
		ProducerID: l.id, ProducerEpoch: m.epoch, FirstSequence: m.sequence,
	}}}}, func(answer *sarama.ProduceResponse, err error) {
		n.do(func() { n.answered(l, m, answer, err, c, addr) })
	})
	if err != nil {
		n.answered(l, m, nil, err, c, addr)
	}
}

func (n *naive) answered(l *naiveLane, m *naiveMessage, answer *sarama.ProduceResponse, err error, c brokerConn, addr string) {
	m.flying = false
	if err != nil {
		m.maybe, n.stale = true, true
		if n.conns[addr] == c {
			n.drop(addr)
		}
		return
	}
	block := answer.GetBlock(simTopic, l.partition)
	switch code := block.Err; {
	case code == sarama.ErrNoError || code == sarama.ErrDuplicateSequenceNumber:
		n.settle(l, m, producer.Acknowledged, block.Offset, nil)
	case code == sarama.ErrInvalidRecord || code == sarama.ErrMessageSizeTooLarge:
		outcome := producer.NotSent
		if m.maybe {
			outcome = producer.Unknown
		}
		n.settle(l, m, outcome, -1, code)
		n.renumber(l)
	case errors.Is(code, sarama.ErrOutOfOrderSequenceNumber) || errors.Is(code, sarama.ErrInvalidProducerEpoch):
		n.renumber(l)
	default:
		m.maybe, l.busy, n.stale = true, true, true
	}
}

// renumber begins a new epoch.
func (n *naive) renumber(l *naiveLane) {
	l.epoch, l.next = l.epoch+1, 0
	for _, m := range l.queue {
		m.numbered = false
	}
}

func (n *naive) settle(l *naiveLane, m *naiveMessage, o producer.Outcome, offset int64, err error) {
	l.queue = slices.DeleteFunc(l.queue, func(other *naiveMessage) bool { return other == m })
	m.group.Owner.Settle(m.index, producer.Result{Outcome: o, Partition: l.partition, Offset: offset, Err: err})
}
