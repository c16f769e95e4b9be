package engine

import (
	"maps"
	"math"
	"time"

	"github.com/IBM/sarama"
)

// A simRecord is one record as a broker gets it.
type simRecord struct {
	key, value []byte
	part       string
	at         time.Time
}

// A simBatch is one batch as a broker gets it.
type simBatch struct {
	producer int64 // negative: not idempotent
	epoch    int16
	first    int32
	records  []simRecord
}

// last is the sequence number of the last record. After 2^31-1 comes 0.
func (b *simBatch) last() int32 {
	return int32((int64(b.first) + int64(len(b.records)) - 1) & math.MaxInt32)
}

// size stands for what brokers compare with the topic's limit.
func (b *simBatch) size() (n int) {
	for _, r := range b.records {
		n += len(r.value)
	}
	return n
}

// A simLog is one partition's log, with what Kafka remembers of its producers.
type simLog struct {
	written   []simWritten
	end       int64
	safe      int64 // what is before it is on all replicas, and never lost
	producers map[int64]*simProducer
}

// A simWritten is a batch in the log.
type simWritten struct {
	*simBatch
	offset int64
}

func (w simWritten) end() int64 { return w.offset + int64(len(w.records)) }

// A simProducer is what a partition remembers of one producer.
type simProducer struct {
	epoch  int16
	last   int32
	recent []simWritten // of this epoch, the newest five
}

const simRemembered = 5

// check applies Kafka's rules (ProducerStateEntry and ProducerAppendInfo). If b
// was written already, it is that.
func (l *simLog) check(b *simBatch) (already *simWritten, err sarama.KError) {
	if b.producer < 0 {
		return nil, sarama.ErrNoError
	}
	if b.first < 0 {
		return nil, sarama.ErrInvalidRecord
	}
	p := l.producers[b.producer]
	if p == nil {
		return nil, sarama.ErrNoError // any first number will do
	}
	if b.epoch == p.epoch {
		for i := range p.recent {
			if w := &p.recent[i]; w.first == b.first && w.last() == b.last() {
				return w, sarama.ErrNoError
			}
		}
	}
	switch {
	case b.epoch < p.epoch:
		return nil, sarama.ErrInvalidProducerEpoch
	case b.epoch > p.epoch && b.first != 0:
		return nil, sarama.ErrOutOfOrderSequenceNumber
	case b.epoch == p.epoch && b.first != int32((int64(p.last)+1)&math.MaxInt32):
		return nil, sarama.ErrOutOfOrderSequenceNumber
	}
	return nil, sarama.ErrNoError
}

// expire forgets producers whose newest record is older than that, by its own timestamp.
func (l *simLog) expire(age time.Duration) {
	maps.DeleteFunc(l.producers, func(_ int64, p *simProducer) bool {
		newest := p.recent[len(p.recent)-1].records
		return time.Since(newest[len(newest)-1].at) > age
	})
}

// write appends b, which has passed check.
func (l *simLog) write(b *simBatch) simWritten {
	w := simWritten{b, l.end}
	l.written = append(l.written, w)
	l.end = w.end()
	l.remember(w)
	return w
}

func (l *simLog) remember(w simWritten) {
	if w.producer < 0 {
		return
	}
	if l.producers == nil {
		l.producers = map[int64]*simProducer{}
	}
	p := l.producers[w.producer]
	if p == nil || p.epoch != w.epoch {
		p = &simProducer{epoch: w.epoch}
		l.producers[w.producer] = p
	}
	p.last = w.last()
	if p.recent = append(p.recent, w); len(p.recent) > simRemembered {
		p.recent = p.recent[1:]
	}
}

// open counts the batches that a change of leader may lose.
func (l *simLog) open() (n int) {
	for i := len(l.written); i > 0 && l.written[i-1].end() > l.safe; i-- {
		n++
	}
	return n
}

// lead makes the log that of a new leader, which lacks the last so many batches.
func (l *simLog) lead(lost int) {
	if lost > 0 {
		l.written = l.written[:len(l.written)-lost]
		l.end, l.producers = 0, nil
		for _, w := range l.written {
			l.end = w.end()
			l.remember(w)
		}
	}
	l.safe = l.end
}

// at is the record with this offset.
func (l *simLog) at(offset int64) *simRecord {
	for i := len(l.written) - 1; i >= 0; i-- {
		if w := l.written[i]; offset >= w.offset && offset < w.end() {
			return &w.records[offset-w.offset]
		}
	}
	return nil
}
