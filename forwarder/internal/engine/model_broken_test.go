package engine

import (
	"bytes"
	"context"
	"slices"
	"sync/atomic"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/deliver"
	"github.com/eventferry/eventferry/partition"
)

// A brokenNetwork changes what the engine sends.
type brokenNetwork struct {
	network
	conns atomic.Int64

	// change may change r, a copy, which goes out on the connection with this
	// number.
	change func(conn int64, r *request)

	// answer, if set, answers instead of a broker when it returns true.
	answer func(r *request) bool

	// forges: what is lost is answered as if it had been refused.
	forges bool
}

func (n *brokenNetwork) connect(ctx context.Context, addr string) (conn, error) {
	c, err := n.network.connect(ctx, addr)
	if err != nil {
		return nil, err
	}
	return &brokenConn{conn: c, network: n, number: n.conns.Add(1)}, nil
}

type brokenConn struct {
	conn

	network *brokenNetwork
	number  int64
}

func (c *brokenConn) produce(r *request, answered func(*sarama.ProduceResponse, error)) error {
	n := c.network
	if n.answer != nil && n.answer(r) {
		go answered(forged(r, sarama.ErrNoError), nil)
		return nil
	}
	if n.change != nil {
		r = copied(r)
		n.change(c.number, r)
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
	return c.conn.produce(r, told)
}

// forged is an answer that no broker has given.
func forged(r *request, err sarama.KError) *sarama.ProduceResponse {
	blocks := map[int32]*sarama.ProduceResponseBlock{}
	for _, p := range r.parts {
		blocks[p.partition] = &sarama.ProduceResponseBlock{Err: err, Offset: -1}
	}
	return &sarama.ProduceResponse{Blocks: map[string]map[int32]*sarama.ProduceResponseBlock{simTopic: blocks}}
}

// copied is r with records of its own.
func copied(r *request) *request {
	other := &request{bytes: r.bytes, parts: slices.Clone(r.parts)}
	for i, p := range other.parts {
		batch := *p.records
		batch.Records = slices.Clone(batch.Records)
		for j, record := range batch.Records {
			one := *record
			batch.Records[j] = &one
		}
		other.parts[i].records = &batch
	}
	return other
}

// onNetwork is the engine with a network that breaks something.
func onNetwork(breaks func() *brokenNetwork) modelSubject {
	return func(s modelSetup) deliver.Producer {
		n := breaks()
		n.network = s.network
		s.network = n
		return startModel(s)
	}
}

func changes(change func(conn int64, batch *sarama.RecordBatch)) modelSubject {
	return onNetwork(func() *brokenNetwork {
		return &brokenNetwork{change: func(conn int64, r *request) {
			for _, p := range r.parts {
				change(conn, p.records)
			}
		}}
	})
}

func notIdempotent(_ int64, b *sarama.RecordBatch) {
	b.ProducerID, b.ProducerEpoch, b.FirstSequence = -1, -1, -1
}

// freshID is a new producer for each connection, which nobody remembers.
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

// swallows says that the tenth request was written, which it never sends.
func swallows() *brokenNetwork {
	var requests atomic.Int64
	return &brokenNetwork{answer: func(*request) bool { return requests.Add(1) == 10 }}
}

func forges() *brokenNetwork { return &brokenNetwork{forges: true} }

// wrongPartition places one user next to where it belongs.
func wrongPartition(s modelSetup) deliver.Producer {
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
	deliver.Producer

	resends  bool // what is under way, as if it were known not to be
	sendsAll bool // what was given back, too
}

func (p *brokenProducer) Withdraw(g *deliver.Group) (int32, int) {
	partition, first := p.Producer.Withdraw(g)
	if p.resends && first > 0 {
		p.Submit(&deliver.Group{Messages: g.Messages[:first], Owner: nobody{}})
	}
	if p.sendsAll && first < len(g.Messages) {
		p.Submit(&deliver.Group{Messages: g.Messages[first:], Owner: nobody{}})
	}
	return partition, first
}

type nobody struct{}

func (nobody) Settle(int, deliver.Result) {}

func resends(s modelSetup) deliver.Producer {
	return &brokenProducer{Producer: startModel(s), resends: true}
}

func sendsNotSent(s modelSetup) deliver.Producer {
	return &brokenProducer{Producer: startModel(s), sendsAll: true}
}

// twiceSettled tells the result of every message of a group's end again.
type twiceSettled struct{ deliver.Producer }

func (p twiceSettled) Submit(g *deliver.Group) {
	g.Owner = twice{g.Owner}
	p.Producer.Submit(g)
}

type twice struct{ deliver.Settler }

func (t twice) Settle(i int, r deliver.Result) {
	t.Settler.Settle(i, r)
	if r.Outcome == deliver.Acknowledged && r.Offset == 20 {
		t.Settler.Settle(i, r)
	}
}

func settlesTwice(s modelSetup) deliver.Producer { return twiceSettled{startModel(s)} }

// forgets keeps a message to itself.
type forgets struct {
	deliver.Producer

	count int
}

func (p *forgets) Submit(g *deliver.Group) {
	if p.count++; p.count == 20 {
		g.Owner = nobody{}
	}
	p.Producer.Submit(g)
}

func forgetsOne(s modelSetup) deliver.Producer { return &forgets{Producer: startModel(s)} }
