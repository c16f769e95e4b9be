package engine

import (
	"errors"
	"fmt"
	"math"

	"github.com/IBM/sarama"
)

// A producerState is the producer id, epoch and sequence with which the engine
// writes to one partition.
type producerState struct {
	id           int64 // noProducerID until one has arrived
	requested    bool
	epoch        int16
	fresh        bool  // nothing was acknowledged in this epoch
	nextSequence int32 // follows the last message that was acknowledged

	keepsEpoch bool // every restart takes another producer id
	former     bool // the id is a former process's, for what that may have written
}

const noProducerID = -1

// advance counts n messages that were written. After 2^31-1 brokers continue
// with 0.
func (p *producerState) advance(n int) {
	p.nextSequence = int32((int64(p.nextSequence) + int64(n)) & math.MaxInt32)
	p.fresh = false
}

// restart begins a new epoch, which fences what may still be in flight with the
// old one, or requests another producer id: after the last epoch, when the broker
// has lost the id, and when it refuses a new epoch, too. With a journal it always
// does: an intent names an id that nothing else is written under until the doubt
// about it is settled. cause is the broker's refusal.
func (p *producerState) restart(cause error) {
	if p.keepsEpoch || p.epoch == math.MaxInt16 || p.fresh || errors.Is(cause, sarama.ErrInvalidProducerIDMapping) {
		*p = producerState{id: noProducerID, keepsEpoch: p.keepsEpoch}
		return
	}
	p.nextSequence, p.fresh = 0, true
	p.epoch++
}

// logQuery asks about the record batches that may have been written with these
// numbers. The first of them was sent last.
func (p *producerState) logQuery(topic string, sealed []*recordBatch) logQuery {
	first := sealed[0]
	q := logQuery{
		topic: topic, partition: first.partition, producerID: p.id, epoch: p.epoch, firstSequence: p.nextSequence,
		timestamp: first.timestampOf(first.ranges[0].submission), smallest: first.count,
	}
	for _, b := range uncertain(sealed) {
		q.largest += b.count
	}
	return q
}

// leaveFormer takes a producer id of our own once nothing of a former process is
// left that may have been written.
func (p *producerState) leaveFormer(sealed []*recordBatch) {
	if p.former && len(uncertain(sealed)) == 0 {
		p.restart(nil)
	}
}

// begin uses a producer id that has arrived.
func (p *producerState) begin(a producerIDAnswer) {
	p.id, p.epoch, p.requested, p.fresh = a.id, a.epoch, false, true
}

// A producerIDAnswer is a broker's answer to InitProducerId.
type producerIDAnswer struct {
	id    int64
	epoch int16
}

// check reports an error for an answer that cannot be used.
func (a producerIDAnswer) check() error {
	if a.id < 0 || a.epoch < 0 {
		return fmt.Errorf("the broker gave producer id %d, epoch %d: %w", a.id, a.epoch, sarama.ErrInvalidProducerIDMapping)
	}
	return nil
}
