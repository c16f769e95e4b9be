package engine

import (
	"bytes"
	"context"
	"math"
	"slices"
	"sync/atomic"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/partition"
)

// A brokenNetwork changes what the engine sends.
type brokenNetwork struct {
	brokerNetwork
	conns atomic.Int64

	// change may change r, a copy, which goes out on the connection with this
	// number.
	change func(conn int64, r *produceRequest)

	// answer, if set, answers instead of a broker when it returns true.
	answer func(r *produceRequest) bool

	// hidesClosing: a connection that the broker closes seems to be closed by us.
	hidesClosing bool

	// oneID: every producer id is the first one that was given.
	oneID   bool
	firstID atomic.Pointer[producerIDAnswer]

	// oneBroker: metadata is asked of the first broker that was asked.
	oneBroker bool
	firstAddr atomic.Pointer[string]

	// forges: what is lost is answered as if it had been refused.
	forges bool

	// looks, if set, may change what a leader says of its log.
	looks func(q *logQuery, a *logAnswer)

	// unread: the log may not be read.
	unread bool
}

func (n *brokenNetwork) connect(ctx context.Context, addr string) (brokerConn, error) {
	c, err := n.brokerNetwork.connect(ctx, addr)
	if err != nil {
		return nil, err
	}
	return &brokenConn{brokerConn: c, network: n, number: n.conns.Add(1), addr: addr}, nil
}

type brokenConn struct {
	brokerConn

	network *brokenNetwork
	number  int64
	addr    string
}

func (c *brokenConn) producerID() (producerIDAnswer, error) {
	answer, err := c.brokerConn.producerID()
	if n := c.network; err == nil && n.oneID && !n.firstID.CompareAndSwap(nil, &answer) {
		answer = *n.firstID.Load()
	}
	return answer, err
}

func (c *brokenConn) metadata() (topicMetadata, error) {
	if n := c.network; n.oneBroker && !n.firstAddr.CompareAndSwap(nil, &c.addr) {
		first, err := n.brokerNetwork.connect(context.Background(), *n.firstAddr.Load())
		if err != nil {
			return topicMetadata{}, err
		}
		defer first.close()
		defer first.abort()
		return first.metadata()
	}
	return c.brokerConn.metadata()
}

func (c *brokenConn) written(q *logQuery) (logAnswer, error) {
	if c.network.unread {
		return logAnswer{}, sarama.ErrTopicAuthorizationFailed
	}
	a, err := c.brokerConn.written(q)
	if looks := c.network.looks; looks != nil && err == nil {
		looks(q, &a)
	}
	return a, err
}

func (c *brokenConn) produce(r *produceRequest, answered func(*sarama.ProduceResponse, error)) error {
	n := c.network
	if n.answer != nil && n.answer(r) {
		go answered(forged(r, sarama.ErrNoError), nil)
		return nil
	}
	if n.change != nil {
		given := r
		r = copied(r)
		n.change(c.number, r)
		defer func() { given.written = r.written }()
	}
	told := answered
	if n.forges {
		told = func(answer *sarama.ProduceResponse, err error) {
			if err != nil {
				answer, err = forged(r, sarama.ErrInvalidRecord), nil
			}
			answered(answer, err)
		}
	}
	if n.hidesClosing {
		inner := told
		told = func(answer *sarama.ProduceResponse, err error) {
			if err != nil {
				err = errSimClosed
			}
			inner(answer, err)
		}
	}
	return c.brokerConn.produce(r, told)
}

// forged is an answer that no broker has given.
func forged(r *produceRequest, err sarama.KError) *sarama.ProduceResponse {
	blocks := map[int32]*sarama.ProduceResponseBlock{}
	for _, p := range r.partitions {
		blocks[p.partition] = &sarama.ProduceResponseBlock{Err: err, Offset: -1}
	}
	return &sarama.ProduceResponse{Blocks: map[string]map[int32]*sarama.ProduceResponseBlock{simTopic: blocks}}
}

// copied is r with records of its own.
func copied(r *produceRequest) *produceRequest {
	other := &produceRequest{bytes: r.bytes, maxWritten: r.maxWritten, partitions: slices.Clone(r.partitions)}
	for i, p := range other.partitions {
		batch := *p.batch
		batch.Records = slices.Clone(batch.Records)
		for j, record := range batch.Records {
			one := *record
			batch.Records[j] = &one
		}
		other.partitions[i].batch = &batch
	}
	return other
}

// onNetwork is the engine with a network that breaks something.
func onNetwork(breaks func() *brokenNetwork) modelSubject {
	return func(s modelSetup) producer.Producer {
		n := breaks()
		n.brokerNetwork = s.network
		s.network = n
		return startModel(s)
	}
}

// unread takes away the right to read the log, with which much comes to light.
func unread(subject modelSubject) modelSubject {
	return func(s modelSetup) producer.Producer {
		s.network = &brokenNetwork{brokerNetwork: s.network, unread: true}
		return subject(s)
	}
}

func changes(change func(conn int64, batch *sarama.RecordBatch)) modelSubject {
	return onNetwork(func() *brokenNetwork {
		return &brokenNetwork{change: func(conn int64, r *produceRequest) {
			for _, p := range r.partitions {
				change(conn, p.batch)
			}
		}}
	})
}

func withoutIdempotence(_ int64, b *sarama.RecordBatch) {
	b.ProducerID, b.ProducerEpoch, b.FirstSequence = -1, -1, -1
}

// freshID is a new producer for each connection, which no broker remembers.
func freshID(conn int64, b *sarama.RecordBatch) { b.ProducerID += conn << 20 }

func dropsKey(_ int64, b *sarama.RecordBatch) {
	for _, r := range b.Records {
		if bytes.Equal(r.Key, modelKey(1)) {
			r.Key = nil
		}
	}
}

func changesByte(_ int64, b *sarama.RecordBatch) {
	for _, r := range b.Records {
		if bytes.HasPrefix(r.Value, []byte("100|")) {
			r.Value = bytes.Clone(r.Value)
			r.Value[len(r.Value)-1] ^= 1
		}
	}
}

// swaps two messages of a user that are side by side.
func swaps(_ int64, b *sarama.RecordBatch) {
	for i, r := range b.Records[1:] {
		before := b.Records[i]
		if r.Key != nil && bytes.Equal(r.Key, before.Key) {
			r.Value, before.Value = before.Value, r.Value
			r.Headers, before.Headers = before.Headers, r.Headers
			return
		}
	}
}

// heedsNoLimit writes requests whatever they take on the wire.
func heedsNoLimit() *brokenNetwork {
	return &brokenNetwork{change: func(_ int64, r *produceRequest) { r.maxWritten = 0 }}
}

// swallows says that the tenth request was written, which it never sends.
func swallows() *brokenNetwork {
	var requests atomic.Int64
	return &brokenNetwork{answer: func(*produceRequest) bool { return requests.Add(1) == 10 }}
}

// believesLeader believes what only the leader has.
func believesLeader() *brokenNetwork {
	return &brokenNetwork{looks: func(_ *logQuery, a *logAnswer) { a.highWatermark = math.MaxInt64 }}
}

// believesNoLog does not believe what the log shows.
func believesNoLog() *brokenNetwork {
	return &brokenNetwork{looks: func(_ *logQuery, a *logAnswer) { *a = logAnswer{lastSequence: noSequence} }}
}

// believesNumber believes the last sequence number, wherever the record batch is.
func believesNumber() *brokenNetwork {
	return &brokenNetwork{looks: func(q *logQuery, a *logAnswer) {
		if q.appended(a.lastSequence) {
			a.found, a.highWatermark = true, math.MaxInt64
			a.records = int((int64(a.lastSequence)-int64(q.firstSequence))&math.MaxInt32) + 1
		}
	}}
}

// believesMissing takes what is not found for written.
func believesMissing() *brokenNetwork {
	return &brokenNetwork{looks: func(q *logQuery, a *logAnswer) {
		if !a.found {
			a.found, a.records, a.offset, a.highWatermark = true, q.largest, 0, math.MaxInt64
		}
	}}
}

func forges() *brokenNetwork { return &brokenNetwork{forges: true} }

// wrongPartition places one user next to where it belongs.
func wrongPartition(s modelSetup) producer.Producer {
	s.hash = func(key []byte, partitions int32) int32 {
		p := partition.Murmur2(key, partitions)
		if bytes.Equal(key, modelKey(1)) {
			p = (p + 1) % partitions
		}
		return p
	}
	return startModel(s)
}

// A brokenProducer is a caller who does the wrong thing with what Withdraw
// tells.
type brokenProducer struct {
	producer.Producer

	resends  bool // what is under way, as if it were known not to be
	sendsAll bool // what was given back, too
}

func (p *brokenProducer) Withdraw(g *producer.Group) (int32, int) {
	partition, first := p.Producer.Withdraw(g)
	if p.resends && first > 0 {
		p.Submit(&producer.Group{Messages: g.Messages[:first], Owner: discardResults{}})
	}
	if p.sendsAll && first < len(g.Messages) {
		p.Submit(&producer.Group{Messages: g.Messages[first:], Owner: discardResults{}})
	}
	return partition, first
}

type discardResults struct{}

func (discardResults) Settle(int, producer.Result) {}

func resends(s modelSetup) producer.Producer {
	return &brokenProducer{Producer: startModel(s), resends: true}
}

func sendsNotSent(s modelSetup) producer.Producer {
	return &brokenProducer{Producer: startModel(s), sendsAll: true}
}

// twiceSettled tells the result of every message of a group's end again.
type twiceSettled struct{ producer.Producer }

func (p twiceSettled) Submit(g *producer.Group) {
	g.Owner = twice{g.Owner}
	p.Producer.Submit(g)
}

type twice struct{ producer.Settler }

func (t twice) Settle(i int, r producer.Result) {
	t.Settler.Settle(i, r)
	if r.Outcome == producer.Acknowledged && r.Offset == 20 {
		t.Settler.Settle(i, r)
	}
}

func settlesTwice(s modelSetup) producer.Producer { return twiceSettled{startModel(s)} }

// forgets keeps a message to itself.
type forgets struct {
	producer.Producer

	count int
}

func (p *forgets) Submit(g *producer.Group) {
	if p.count++; p.count == 20 {
		g.Owner = discardResults{}
	}
	p.Producer.Submit(g)
}

func forgetsOne(s modelSetup) producer.Producer { return &forgets{Producer: startModel(s)} }
