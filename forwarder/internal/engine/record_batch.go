package engine

import (
	"slices"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// A recordBatch holds messages of one partition that are written together or not
// at all. Once sealed it keeps its content, since the broker may have it.
type recordBatch struct {
	topic     int // of the brokers' engines
	partition int32
	ranges    []messageRange
	count     int // messages
	bytes     int // of the messages, before compression

	// mayBeWritten: an attempt ended without telling whether it was written.
	mayBeWritten bool

	// With a journal: timestamp is that of every record. intended: the partition's
	// last intent is for this record batch, as it is.
	timestamp int64
	intended  bool

	// closedAlone counts the connections that the broker closed on a request with
	// this record batch alone.
	closedAlone int

	built          bool // encoded holds the records
	encoded        sarama.RecordBatch
	records        []sarama.Record
	headers        recordHeaders    // of records
	recordPointers []*sarama.Record // the slice that encoded refers to
}

// A messageRange is consecutive messages [from, to) of a submission.
type messageRange struct {
	submission *submission
	owner      producer.Settler // the submission's, in the same cache line when the answer arrives
	from, to   int
}

// appendFromLocked moves waiting messages of s into b, up to limit bytes, and
// reports whether none is left. A message that is larger goes alone.
func (b *recordBatch) appendFromLocked(s *submission, limit int) bool {
	from := s.next
	if s.allWaiting() && b.bytes+s.bytes <= limit { // the usual case, which does not read the messages
		b.count += s.end
		b.bytes += s.bytes
		s.next = s.end
	}
	for s.next < s.end {
		size := s.messages[s.next].Size()
		if b.count > 0 && b.bytes+size > limit {
			break
		}
		b.count++
		b.bytes += size
		s.next++
	}
	if from < s.next {
		b.ranges = append(b.ranges, messageRange{s, s.owner, from, s.next})
	}
	return s.next == s.end
}

// appendLocked appends message i of s.
func (b *recordBatch) appendLocked(s *submission, i int) {
	if n := len(b.ranges); n > 0 && b.ranges[n-1].submission == s && b.ranges[n-1].to == i {
		b.ranges[n-1].to++
	} else {
		b.ranges = append(b.ranges, messageRange{s, s.owner, i, i + 1})
	}
	b.count++
	b.bytes += s.messages[i].Size()
}

// removeRangeLocked makes the messages of a range wait again, and returns their
// size. The range must end where the waiting messages of its submission begin.
func (b *recordBatch) removeRangeLocked(at int) int {
	r := b.ranges[at]
	removed := 0
	for r.submission.next > r.from {
		r.submission.next--
		b.count--
		removed += r.submission.messages[r.submission.next].Size()
	}
	b.bytes -= removed
	b.ranges = slices.Delete(b.ranges, at, at+1)
	b.built = false
	return removed
}

// buildRecords makes the records, unless they exist. Only the goroutine that is
// about to send b calls it, without the lock: no other goroutine touches a
// record batch in flight.
func (b *recordBatch) buildRecords(l sendLimits) {
	if b.built {
		return
	}
	b.built = true
	b.clearRecords() // of messages that were withdrawn since
	if len(b.records) < b.count {
		b.records = make([]sarama.Record, max(b.count, 2*len(b.records)))
		b.recordPointers = make([]*sarama.Record, len(b.records))
		for i := range b.records {
			b.recordPointers[i] = &b.records[i]
		}
	}
	first := b.timestampOf(b.ranges[0].submission)
	largest, i := first, 0
	for _, m := range b.ranges {
		timestamp := b.timestampOf(m.submission)
		delta := time.Duration(timestamp-first) * time.Millisecond
		largest = max(largest, timestamp)
		for at := m.from; at < m.to; at++ {
			b.setRecord(i, &m.submission.messages[at], delta)
			i++
		}
	}
	b.encoded = sarama.RecordBatch{
		ProducerID:           b.encoded.ProducerID,
		ProducerEpoch:        b.encoded.ProducerEpoch,
		FirstSequence:        b.encoded.FirstSequence,
		Version:              recordBatchVersion,
		PartitionLeaderEpoch: -1,
		Codec:                l.codec,
		CompressionLevel:     l.compressionLevel,
		FirstTimestamp:       time.UnixMilli(first),
		MaxTimestamp:         time.UnixMilli(largest),
		LastOffsetDelta:      int32(b.count - 1), //nolint:gosec // bounded by the bytes of a record batch
		Records:              b.recordPointers[:b.count],
	}
}

// timestampOf returns the timestamp of the messages of s in b.
func (b *recordBatch) timestampOf(s *submission) int64 {
	if b.timestamp > 0 {
		return b.timestamp
	}
	return s.timestamp
}

const recordBatchVersion = 2 // "magic" of Kafka 0.11 and newer

func (b *recordBatch) setRecord(i int, m *producer.Message, timestamp time.Duration) {
	r := &b.records[i]
	r.OffsetDelta, r.TimestampDelta, r.Key, r.Value = int64(i), timestamp, m.Key, m.Value
	if m.Part != "" || len(m.Headers) > 0 {
		r.Headers = b.headers.of(m)
	}
}

// clearRecords drops the references of the records that were built last.
func (b *recordBatch) clearRecords() {
	clear(b.records[:len(b.encoded.Records)])
	b.headers.clear()
}

// setSequence sets the producer id, epoch and first sequence number. They are
// not part of what is compressed, so records that were built stay valid.
func (b *recordBatch) setSequence(p producerState) {
	b.encoded.ProducerID, b.encoded.ProducerEpoch, b.encoded.FirstSequence = p.id, p.epoch, p.nextSequence
}

// notAcknowledged returns the result of the messages of b when nothing more can
// come: unknown if a message of b may have been written.
func (b *recordBatch) notAcknowledged(cause error) producer.Result {
	r := producer.Result{Outcome: producer.NotSent, Partition: b.partition, Offset: -1, Err: cause}
	if b.mayBeInKafka() {
		r.Outcome = producer.Unknown
	}
	return r
}

// mayBeInKafka reports whether a message of b may have been written, under
// whatever number.
func (b *recordBatch) mayBeInKafka() bool {
	return b.mayBeWritten || slices.ContainsFunc(b.ranges, func(r messageRange) bool { return r.submission.doubtful })
}
