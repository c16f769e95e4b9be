package engine

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/partition"
)

// A brokenJournal breaks what a journal or its user promises.
type brokenJournal struct {
	producer.Journal

	intend func(j producer.Journal, list []producer.Intent) error
}

// Intend implements producer.Journal.
func (j *brokenJournal) Intend(list []producer.Intent) error { return j.intend(j.Journal, list) }

func withJournal(intend func(j producer.Journal, list []producer.Intent) error) modelSubject {
	return func(s modelSetup) producer.Producer {
		s.journal = &brokenJournal{s.journal, intend}
		return startJournal(s)
	}
}

// intendsLate writes intents once the request is under way.
func intendsLate(j producer.Journal, list []producer.Intent) error {
	list = slices.Clone(list)
	go func() {
		<-time.After(10 * time.Millisecond)
		_ = j.Intend(list)
	}()
	return nil
}

// intendsUnsynced does not wait until they are safe.
func intendsUnsynced(j producer.Journal, list []producer.Intent) error {
	go func() { _ = j.Intend(list) }()
	return nil
}

// endsEarly says that all is written before the broker does.
func endsEarly(j producer.Journal, list []producer.Intent) error {
	if err := j.Intend(list); err != nil {
		return err
	}
	for _, i := range list {
		j.End(producer.IntentEnd{Partition: i.Partition, Outcome: producer.Written, Offset: -1, Done: i.Messages})
	}
	return nil
}

// forgetsFailed does not end an intent that the journal could not make durable.
func forgetsFailed(s modelSetup) producer.Producer {
	s.journal = &forgetfulJournal{Journal: s.journal, failed: map[int32]bool{}}
	return startJournal(s)
}

// A forgetfulJournal is not told the end of what it has failed to record.
type forgetfulJournal struct {
	producer.Journal

	mu     sync.Mutex
	failed map[int32]bool // by partition
}

// Intend implements producer.Journal.
func (j *forgetfulJournal) Intend(list []producer.Intent) error {
	err := j.Journal.Intend(list)
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, i := range list {
		j.failed[i.Partition] = err != nil
	}
	return err
}

// End implements producer.Journal.
func (j *forgetfulJournal) End(e producer.IntentEnd) {
	j.mu.Lock()
	forget := j.failed[e.Partition] && e.Outcome == producer.NotWritten
	j.mu.Unlock()
	if !forget {
		j.Journal.End(e)
	}
}

// forgetsWhole does not say what an intent is a part of.
func forgetsWhole(j producer.Journal, list []producer.Intent) error {
	list = slices.Clone(list)
	for i := range list {
		list[i].Whole = nil
	}
	return j.Intend(list)
}

// takesFreshID sends what may have been written under a new producer id.
func takesFreshID(s modelSetup) producer.Producer {
	var first []*producer.Group
	for _, r := range s.recovered {
		first = append(first, append(slices.Clone(r.Groups), r.Rest...)...)
	}
	s.pending, s.recovered = append(first, s.pending...), nil
	return startJournal(s)
}

// forgetsTimestamps begins with the clock's time after each crash.
func forgetsTimestamps(s modelSetup) producer.Producer {
	s.lastTimestamp = nil
	return startJournal(s)
}

// cutsUp sends half of what may have been written under its old numbers, and the
// other half as if it had never been sent.
func cutsUp(s modelSetup) producer.Producer {
	var first []*producer.Group
	for i := range s.recovered {
		r := &s.recovered[i]
		half := (len(r.Groups) + 1) / 2
		first = append(first, append(slices.Clone(r.Groups[half:]), r.Rest...)...)
		r.Groups, r.Rest = r.Groups[:half], nil
	}
	s.pending = append(first, s.pending...)
	return startJournal(s)
}

// takesOthers sends other messages under the numbers of what may have been written.
func takesOthers(s modelSetup) producer.Producer {
	for i := range s.recovered {
		r := &s.recovered[i]
		var others, rest []*producer.Group
		for _, g := range s.pending {
			p := g.Fixed - 1
			if g.Fixed == 0 && g.Messages[0].Key != nil {
				p = partition.Murmur2(g.Messages[0].Key, int32(len(s.servers))) //nolint:gosec // few
			}
			if p == r.Intent.Partition && len(g.Messages) == len(r.Groups) && others == nil {
				others = append(others, g)
			} else {
				rest = append(rest, g)
			}
		}
		if others != nil {
			s.pending = append(slices.Clone(r.Groups), rest...)
			r.Groups = others
		}
	}
	return startJournal(s)
}

// believesUnsent takes what is recovered for certainly not written until it is sent.
func believesUnsent(s modelSetup) producer.Producer {
	n := &unsentNetwork{brokerNetwork: s.network}
	for _, r := range s.recovered {
		n.partitions = append(n.partitions, r.Intent.Partition)
	}
	s.network = n
	p := startJournal(s)
	n.engine = p.(*Engine) //nolint:errcheck,forcetypeassert // see startModel
	return p
}

type unsentNetwork struct {
	brokerNetwork

	engine     *Engine
	partitions []int32 // recovered
}

func (n *unsentNetwork) connect(ctx context.Context, addr string) (brokerConn, error) {
	c, err := n.brokerNetwork.connect(ctx, addr)
	if err != nil {
		return nil, err
	}
	return &unsentConn{c, n}, nil
}

type unsentConn struct {
	brokerConn

	network *unsentNetwork
}

func (c *unsentConn) produce(r *produceRequest, answered func(*sarama.ProduceResponse, error)) error {
	n := c.network
	n.engine.mu.Lock()
	n.partitions = slices.DeleteFunc(n.partitions, func(id int32) bool {
		first := slices.ContainsFunc(r.partitions, func(p partitionRecords) bool { return p.partition == id })
		if first {
			n.engine.partitions[id].sealed[0].mayBeWritten = false
		}
		return first
	})
	n.engine.mu.Unlock()
	return c.brokerConn.produce(r, answered)
}
