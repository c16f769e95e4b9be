package engine

import (
	"slices"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/deliver"
)

// A bundle is what Kafka calls a record batch: messages of one partition that
// are written together or not at all. Once sealed it keeps its content, since
// the broker may have it already.
type bundle struct {
	queue *queue
	cargo []cargo
	count int
	bytes int

	// maybe: an attempt has ended in a way that leaves open whether it was
	// written.
	maybe bool

	filled  bool
	wire    sarama.RecordBatch
	records []sarama.Record
	slots   []*sarama.Record // what wire holds of records
}

// cargo is some consecutive messages of an entry.
type cargo struct {
	entry    *entry
	owner    deliver.Settler // the entry's, at hand when the answer comes
	from, to int
}

// takeLocked moves messages of t into b, up to limit bytes, and reports whether
// that was all that wait. A message that is larger goes alone.
func (b *bundle) takeLocked(t *entry, limit int) bool {
	from := t.next
	if t.whole() && b.bytes+t.bytes <= limit { // mostly, and the messages need no look
		b.count += t.end
		b.bytes += t.bytes
		t.next = t.end
	}
	for t.next < t.end {
		size := t.messages[t.next].Size()
		if b.count > 0 && b.bytes+size > limit {
			break
		}
		b.count++
		b.bytes += size
		t.next++
	}
	if from < t.next {
		b.cargo = append(b.cargo, cargo{t, t.owner, from, t.next})
	}
	return t.next == t.end
}

// mostSpare is how many bundles are kept for reuse. Each takes some 160 bytes
// for each message that it had at most.
const (
	mostSpare   = 32
	mostRecords = 1024 // of one that is worth keeping
)

func (e *Engine) newBundleLocked(q *queue) *bundle {
	b := &bundle{}
	if n := len(e.spare); n > 0 {
		b, e.spare = e.spare[n-1], e.spare[:n-1]
	}
	b.queue = q
	return b
}

// freeLocked takes b back. No message of it may be needed any more.
func (e *Engine) freeLocked(b *bundle) {
	if len(e.spare) == mostSpare || len(b.records) > mostRecords {
		return
	}
	clear(b.cargo)
	b.empty()
	*b = bundle{cargo: b.cargo[:0], records: b.records, slots: b.slots}
	e.spare = append(e.spare, b)
}

// fill makes the records. Only the goroutine that is about to send b does this,
// and it does not need the lock: nobody else touches a bundle that flies.
func (b *bundle) fill(l limits) {
	if b.filled {
		return
	}
	b.filled = true
	b.empty() // it may have had others, which were taken back
	if len(b.records) < b.count {
		b.records = make([]sarama.Record, max(b.count, 2*len(b.records)))
		b.slots = make([]*sarama.Record, len(b.records))
		for i := range b.records {
			b.slots[i] = &b.records[i]
		}
	}
	first := b.cargo[0].entry.stamp
	i := 0
	for _, c := range b.cargo {
		delta := time.Duration(c.entry.stamp-first) * time.Millisecond
		for at := c.from; at < c.to; at++ {
			m, r := &c.entry.messages[at], &b.records[i]
			r.OffsetDelta, r.TimestampDelta, r.Key, r.Value = int64(i), delta, m.Key, m.Value
			if m.Part != "" {
				r.Headers = []*sarama.RecordHeader{{Key: []byte(deliver.PartHeader), Value: []byte(m.Part)}}
			}
			i++
		}
	}
	b.wire = sarama.RecordBatch{
		ProducerID:           b.wire.ProducerID,
		ProducerEpoch:        b.wire.ProducerEpoch,
		FirstSequence:        b.wire.FirstSequence,
		Version:              recordVersion,
		PartitionLeaderEpoch: -1,
		Codec:                l.codec,
		CompressionLevel:     l.level,
		FirstTimestamp:       time.UnixMilli(first),
		MaxTimestamp:         time.UnixMilli(b.cargo[len(b.cargo)-1].entry.stamp),
		LastOffsetDelta:      int32(b.count - 1), //nolint:gosec // bounded by the bytes of a bundle
		Records:              b.slots[:b.count],
	}
}

const recordVersion = 2

// empty forgets the records that were made last.
func (b *bundle) empty() { clear(b.records[:len(b.wire.Records)]) }

// number gives b its place in the eyes of the broker. Records that are encoded
// already stay so: the place is not part of what is compressed.
func (b *bundle) number(p producer) {
	b.wire.ProducerID, b.wire.ProducerEpoch, b.wire.FirstSequence = p.id, p.epoch, p.next
}

// lost is the result of all messages of b if there is nothing more to come.
func (b *bundle) lost(cause error) deliver.Result {
	r := deliver.Result{Outcome: deliver.NotSent, Partition: b.queue.partition, Offset: -1, Err: cause}
	if b.maybe {
		r.Outcome = deliver.Unknown
	}
	return r
}

// splitLocked makes several bundles of b: a new one begins with each message for
// which cut is true.
func (e *Engine) splitLocked(b *bundle, cut func(i int) bool) []*bundle {
	var parts []*bundle
	i := 0
	for _, c := range b.cargo {
		for m := c.from; m < c.to; m++ {
			if i == 0 || cut(i) {
				p := e.newBundleLocked(b.queue)
				p.maybe = b.maybe
				parts = append(parts, p)
			}
			parts[len(parts)-1].addLocked(c.entry, m)
			i++
		}
	}
	e.freeLocked(b)
	return parts
}

// addLocked appends message m of an entry.
func (b *bundle) addLocked(t *entry, m int) {
	if n := len(b.cargo); n > 0 && b.cargo[n-1].entry == t && b.cargo[n-1].to == m {
		b.cargo[n-1].to++
	} else {
		b.cargo = append(b.cargo, cargo{t, t.owner, m, m + 1})
	}
	b.count++
	b.bytes += t.messages[m].Size()
}

// takeBackLocked takes the last messages of t out of bundles that wait to be
// sent again and are certainly not written.
func (e *Engine) takeBackLocked(t *entry) {
	q := t.queue
	for i := len(q.held) - 1; i >= 0; i-- {
		b := q.held[i]
		if b.maybe || i == 0 && q.flying {
			return
		}
		at := slices.IndexFunc(b.cargo, func(c cargo) bool { return c.entry == t && c.to == t.next })
		if at < 0 {
			continue
		}
		q.unlistLocked()
		for t.next > b.cargo[at].from {
			t.next--
			b.count--
			b.bytes -= t.messages[t.next].Size()
			q.bytes += t.messages[t.next].Size() // they wait now
		}
		if t.in == nil {
			q.waiting.pushFront(t) // whoever calls takes it off again
		}
		b.cargo = slices.Delete(b.cargo, at, at+1)
		b.filled = false
		if b.count == 0 {
			q.held = slices.Delete(q.held, i, i+1)
			e.freeLocked(b)
		}
	}
}
