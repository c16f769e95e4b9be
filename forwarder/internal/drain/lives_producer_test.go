package drain

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// A livesProducer does to one topic what the engine does, as far as the order of messages
// goes: it has a queue for each partition and one record batch in flight, which is
// intended before. The life's lock guards it.
type livesProducer struct {
	life       *livesLife
	topic      int
	journal    Journal
	known      atomic.Int32 // partitions; 0: not known
	at         int          // step from which they are known
	partitions []*livesPartition
}

// A livesPartition is what waits for one partition.
type livesPartition struct {
	producer *livesProducer
	id       int32
	queue    []livesRecord
	batch    *livesBatch // nil: none
	late     *livesBatch // with a defect, what was recovered
	stands   int         // until that step
	sequence int32
}

// A livesBatch is a record batch.
type livesBatch struct {
	records      []livesRecord
	intent       producer.Intent
	recorded     bool // the intent is
	mayBeWritten bool
}

// A livesRecord is a message of a group.
type livesRecord struct {
	group     *producer.Group
	index     int
	id        int
	recovered bool
}

func (r *livesRecord) message() *producer.Message { return &r.group.Messages[r.index] }
func (r *livesRecord) number() uint64             { return r.group.First + uint64(r.index) } //nolint:gosec // an index
func (r *livesRecord) user() string               { return string(r.message().Key) }

// bytes is what counts for the drain's bound.
func (r *livesRecord) bytes() int64 {
	if r.recovered {
		return 0
	}
	return int64(r.message().Size() + messageMemory)
}

func (p *livesProducer) partition(id int32) *livesPartition {
	for int(id) >= len(p.partitions) {
		p.partitions = append(p.partitions, &livesPartition{producer: p, id: int32(len(p.partitions))}) //nolint:gosec // few
	}
	return p.partitions[id]
}

// count returns how many partitions are known.
func (p *livesProducer) count() int32 {
	p.life.learnSome()
	return p.known.Load()
}

// learnLocked makes all partitions known.
func (p *livesProducer) learnLocked() {
	if t := p.life.topics[p.topic]; p.known.Load() != t.count {
		p.known.Store(t.count)
		p.life.say("%s is known to have %d partitions", t.name, t.count)
	}
}

// recover takes what a former process may have written.
func (p *livesProducer) recover(list []producer.Recovered) {
	for _, r := range list {
		b := &livesBatch{intent: r.Intent, recorded: true, mayBeWritten: true}
		for _, g := range slices.Concat(r.Groups, r.Rest) {
			for i := range g.Messages {
				b.records = append(b.records, livesRecord{g, i, livesID(g.Messages[i].Value), true})
			}
		}
		part := p.partition(r.Intent.Partition)
		p.note("is recovered", part, b.records)
		if part.batch = b; p.life.defect.recoversLate {
			part.batch, part.late = nil, b
		}
	}
}

func (p *livesProducer) note(what string, part *livesPartition, list []livesRecord) {
	for i := range list {
		p.life.note(livesEvent{what: what, topic: p.topic, partition: part.id, user: list[i].user(), number: list[i].number()})
	}
}

// Submit implements [producer.Producer].
func (p *livesProducer) Submit(g *producer.Group) {
	l := p.life
	l.mu.Lock()
	id := g.Fixed - 1
	if id < 0 { // and has no key
		id = l.rand.Int32N(p.known.Load())
	}
	part := p.partition(id)
	from := len(part.queue)
	for i := range g.Messages {
		part.queue = append(part.queue, livesRecord{g, i, livesID(g.Messages[i].Value), false})
		l.bytes += part.queue[len(part.queue)-1].bytes()
	}
	p.note("is submitted", part, part.queue[from:])
	if bound := l.bound + l.oneEach(); l.bytes > bound {
		l.fault("", "bound: the producers have %d bytes, and may have %d", l.bytes, bound)
	}
	l.mu.Unlock()
	l.learnSome()
	l.meddle()
}

// Withdraw implements [producer.Producer].
func (p *livesProducer) Withdraw(*producer.Group) (int32, int) { return -1, 0 }

// Waiting implements [producer.Producer].
func (p *livesProducer) Waiting(time.Duration) []producer.Waiting { return nil }

// Close implements [producer.Producer].
func (p *livesProducer) Close() error { return nil }

// actLocked does one thing for a partition, and returns the rest of it, for which the lock
// must not be held.
func (part *livesPartition) actLocked() (rest func()) {
	l, b := part.producer.life, part.batch
	if part.stands > l.step() && !l.healing {
		return nil
	}
	switch {
	case b == nil && len(part.queue) == 0:
		part.batch, part.late = part.late, nil
	case b == nil:
		return part.producer.intendLocked(part)
	case b.recorded:
		switch n := l.rand.IntN(100); {
		case n < 60 || l.healing && n < 80:
			l.write(part.producer.topic, b)
			return part.acknowledgeLocked()
		case n < 70: // the answer is lost
			b.mayBeWritten = true
			l.write(part.producer.topic, b)
		case n < 80: // the request is lost
			b.mayBeWritten = true
		case n < 92 && !b.mayBeWritten:
			part.putBackLocked()
		}
	}
	return nil
}

// intendLocked makes record batches of this partition and of others, for one request.
func (p *livesProducer) intendLocked(first *livesPartition) (rest func()) {
	l := p.life
	var list []producer.Intent
	var batches []*livesPartition
	for _, part := range p.partitions {
		ready := part.batch == nil && len(part.queue) > 0 && (part.stands <= l.step() || l.healing)
		if part == first || ready && l.rand.IntN(2) == 0 {
			list, batches = append(list, part.formLocked()), append(batches, part)
		}
	}
	recorded := func(err error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, part := range batches {
			switch {
			case l.over:
			case err != nil:
				part.putBackLocked()
			default:
				part.batch.recorded = true
			}
		}
	}
	if l.defect.intendsNothing {
		return func() { recorded(nil) }
	}
	l.working.Go(func() { recorded(p.journal.Intend(list)) })
	return nil
}

// formLocked makes a record batch of what waits the longest.
func (part *livesPartition) formLocked() producer.Intent {
	l := part.producer.life
	n := 1 + l.rand.IntN(min(len(part.queue), l.mood.batch))
	b := &livesBatch{records: slices.Clone(part.queue[:n])}
	part.batch, part.queue = b, slices.Clone(part.queue[n:])
	b.intent = producer.Intent{
		Partition: part.id, ProducerID: int64(l.life*len(l.topics) + part.producer.topic), FirstSequence: part.sequence,
		Timestamp: time.Now().UnixMilli(),
	}
	for i := range b.records {
		number := b.records[i].number()
		if last := len(b.intent.Messages) - 1; last >= 0 && b.intent.Messages[last].Next == number {
			b.intent.Messages[last].Next++
		} else {
			b.intent.Messages = append(b.intent.Messages, producer.NumberRange{First: number, Next: number + 1})
		}
	}
	part.producer.note("is intended", part, b.records)
	return b.intent
}

// acknowledgeLocked ends the record batch, which is written.
func (part *livesPartition) acknowledgeLocked() (rest func()) {
	b := part.batch
	part.batch = nil
	if b.intent.ProducerID == int64(part.producer.life.life*len(part.producer.life.topics)+part.producer.topic) {
		part.sequence += int32(len(b.records)) //nolint:gosec // few
	}
	part.producer.note("is acknowledged", part, b.records)
	part.producer.journal.End(producer.IntentEnd{Partition: part.id, Outcome: producer.Written, Offset: 1, Done: b.intent.Messages})
	for i := range b.records {
		part.producer.life.bytes -= b.records[i].bytes()
	}
	part.producer.life.ended += len(b.records)
	return func() {
		for i := range b.records {
			b.records[i].group.Owner.Settle(b.records[i].index, producer.Result{Outcome: producer.Acknowledged, Partition: part.id, Offset: 1})
		}
	}
}

// putBackLocked makes the messages of the record batch wait again, which is certainly not
// written.
func (part *livesPartition) putBackLocked() {
	b := part.batch
	part.batch = nil
	part.producer.note("is put back", part, b.records)
	part.producer.journal.End(producer.IntentEnd{Partition: part.id, Outcome: producer.NotWritten, Offset: -1})
	if part.producer.life.defect.putsBehind {
		part.queue = append(part.queue, b.records...)
		return
	}
	part.queue = append(b.records, part.queue...)
}
