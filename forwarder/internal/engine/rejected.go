package engine

import (
	"slices"
	"strconv"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/connect"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// rejectedLocked fails the messages that the broker rejects. The others are sent
// again without them.
func (e *Engine) rejectedLocked(p *topicPartition, b *recordBatch, block *sarama.ProduceResponseBlock, v verdict, done *settlements, now time.Time) {
	if block.Err == sarama.ErrInvalidTimestamp && e.restampLocked(p, b, now) {
		p.failedLocked(block.Err, now)
		return
	}
	p.progressLocked(now) // it is one
	final := b.count == 1 || v == batchRejected
	if final {
		e.giveUpLocked(p, b, e.rejectedError(p, b, block, wholeBatch), block.Err, done)
		return
	}
	p.sealed = slices.Delete(p.sealed, 0, 1)
	culprits := culpritIndexes(block, b.count)
	if len(culprits) == 0 || b.mayBeWritten {
		if block.Err == sarama.ErrMessageSizeTooLarge || block.Err == sarama.ErrMessageSetSizeTooLarge {
			p.maxRecordBatchBytes, p.limitLearnedAt = b.bytes/2, now // so that it is not learned again and again
		}
		e.intents.notWrittenLocked(b)
		half := b.count / 2
		p.sealed = slices.Insert(p.sealed, 0, e.batchPool.split(b, func(i int) bool { return i == half })...)
		return
	}
	e.rejectCulpritsLocked(p, b, block, culprits, done)
}

// rejectCulpritsLocked fails these messages of b, which is no longer sealed, and
// makes record batches of the others.
func (e *Engine) rejectCulpritsLocked(p *topicPartition, b *recordBatch, block *sarama.ProduceResponseBlock, culprits map[int]bool, done *settlements) {
	var kept []*recordBatch
	var refused []producer.Refused
	intended := *b
	i := 0
	for _, part := range e.batchPool.split(b, func(i int) bool { return culprits[i] || culprits[i-1] }) {
		if culprits[i] {
			err := e.rejectedError(p, part, block, i)
			refused = append(refused, e.intents.refused(part, block.Err, err)...)
			done.add(part, part.notAcknowledged(err))
		} else {
			kept = append(kept, part)
		}
		i += part.count
	}
	p.sealed = slices.Insert(p.sealed, 0, kept...)
	e.intents.rejectedLocked(&intended, refused)
}

// giveUpLocked fails the first record batch of p for good. The parts of a whole
// that it belongs to are uncertain from now on.
func (e *Engine) giveUpLocked(p *topicPartition, b *recordBatch, err error, code sarama.KError, done *settlements) {
	p.sealed = slices.Delete(p.sealed, 0, 1)
	refused := e.intents.refused(b, code, err)
	done.add(b, b.notAcknowledged(err))
	if !b.mayBeWritten {
		e.intents.rejectedLocked(b, refused)
		return
	}
	b.intended = false
	e.abandonUncertainLocked(p, refused, err, done)
}

// restampLocked gives the messages of b, which the broker has refused for their
// timestamps, and those behind it the clock's time. It reports false if b may have
// been written, or if its timestamps are the clock's already: then the broker's
// clock differs from ours. With a journal it never does: what is kept waits until
// the clocks agree.
func (e *Engine) restampLocked(p *topicPartition, b *recordBatch, now time.Time) bool {
	if e.intents != nil {
		// Brokers compare numbers only. Under others it could be written twice.
		e.intents.notWrittenLocked(b)
		b.intended = false
		b.setTimestamp(nextTimestamp(p.lastTimestamp, e.datedLocked(now)))
		for _, part := range uncertain(p.sealed) { // of its whole, which go out behind it
			part.setTimestamp(b.timestamp)
		}
		return true
	}
	if b.mayBeWritten {
		return false
	}
	clock := e.clock.Next(e.datedLocked(now))
	changed, last := false, int64(0)
	restamp := func(s *submission) {
		if difference := time.Duration(s.timestamp-clock) * time.Millisecond; difference.Abs() > minRestampDifference {
			s.timestamp, changed = clock, true
		}
		s.timestamp = max(s.timestamp, last) // those behind were accepted before this clock
		last = s.timestamp
	}
	for _, one := range p.sealed {
		if one.mayBeWritten {
			continue
		}
		for _, r := range one.ranges {
			restamp(r.submission)
		}
		one.built = false
	}
	for s := p.waiting.first; s != nil; s = s.following {
		restamp(s)
	}
	return changed
}

// minRestampDifference is by how much a timestamp must differ from the clock to be
// set anew.
const minRestampDifference = time.Minute

// culpritIndexes returns the messages that a broker blames (KIP-467). Old brokers
// blame none, and none is blamed for the size of a whole record batch.
func culpritIndexes(block *sarama.ProduceResponseBlock, count int) map[int]bool {
	culprits := map[int]bool{}
	for _, r := range block.RecordErrors {
		if i := int(r.BatchIndex); i >= 0 && i < count {
			culprits[i] = true
		}
	}
	return culprits
}

// wholeBatch stands for all messages of a record batch.
const wholeBatch = -1

// rejectedError returns why the broker rejects b, which holds the message at
// culprit in what was sent, or all of it.
func (e *Engine) rejectedError(p *topicPartition, b *recordBatch, block *sarama.ProduceResponseBlock, culprit int) error {
	rejected := &connect.RejectedError{
		Broker: "broker " + strconv.Itoa(int(p.lastBroker)), Messages: b.count, Bytes: b.bytes, Code: block.Err,
	}
	if addr := e.brokers[p.lastBroker]; addr != "" {
		rejected.Broker += " at " + addr
	}
	if block.ErrorMessage != nil {
		rejected.Text = *block.ErrorMessage
	}
	for _, r := range block.RecordErrors {
		if own := int(r.BatchIndex) == culprit || culprit == wholeBatch && b.count == 1; own && r.BatchIndexErrorMessage != nil {
			rejected.Text = *r.BatchIndexErrorMessage
		}
	}
	return rejected
}
