package engine

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/IBM/sarama"
)

// Fetch is read here rather than by Sarama, which decompresses whatever is in the
// answer: a few kilobytes that anybody has written to the topic may become
// gigabytes. The headers of record batches are never compressed.

const (
	fetchKey = 1

	// fetchVersion is the first whose record batches have producer ids (Kafka 0.11),
	// and the oldest of Kafka 4 (KIP-896). Later ones add nothing that is needed.
	fetchVersion = 4

	// maxLogBytes bounds what one question reads of a log.
	maxLogBytes = 16 << 20

	// maxFetchBytes is what is asked for at once. A broker sends a record batch that
	// is larger all the same (KIP-74).
	maxFetchBytes = 1 << 20

	// minFetchCost is what an answer counts for at least, so that empty ones come to
	// an end.
	minFetchCost = maxLogBytes / 32

	// maxFetchWait is how long a broker waits for something to send.
	maxFetchWait = 500 * time.Millisecond
)

// fetchRequest asks for what is in a partition's log from an offset on.
func fetchRequest(topic string, partition int32, from int64, most int) []byte {
	const noReplica, minBytes, readUncommitted = -1, 1, 0
	var b []byte
	put32 := func(v int) { b = binary.BigEndian.AppendUint32(b, uint32(v)) } //nolint:gosec // as the protocol has it
	put32(noReplica)
	put32(int(maxFetchWait / time.Millisecond))
	put32(minBytes)
	put32(most)
	b = append(b, readUncommitted)
	b = appendOnlyPartition(b, topic, partition)
	b = binary.BigEndian.AppendUint64(b, uint64(from)) //nolint:gosec // as the protocol has it
	put32(most)
	return b
}

// A fetchedLog is what an answer has of a partition's log.
type fetchedLog struct {
	code          sarama.KError
	highWatermark int64
	records       []byte // record batches, the last of which may be cut off
}

// readFetched reads the answer to a fetchRequest.
func readFetched(answer []byte, topic string, partition int32) (fetchedLog, error) {
	r := byteReader{rest: answer}
	r.partition(topic, partition)
	f := fetchedLog{code: sarama.KError(r.int16()), highWatermark: r.int64()}
	r.int64() // last stable offset
	for range max(0, min(int(r.int32()), len(r.rest))) {
		r.int64() // an aborted transaction: its producer id
		r.int64() // and first offset
	}
	if size := int(r.int32()); size >= 0 { // else there are none
		f.records = r.take(size)
	}
	if r.odd {
		return fetchedLog{}, fmt.Errorf("%d bytes that are no answer to a fetch: %w", len(answer), errOddLogAnswer)
	}
	return f, nil
}

// find looks for the record batch that is asked about in what begins at from. It
// returns the offset behind what it has looked at.
func (f *fetchedLog) find(q *logQuery, from int64) (a logAnswer, next int64, err error) {
	a.highWatermark, a.lastSequence, next = f.highWatermark, noSequence, from
	for r := (&byteReader{rest: f.records}); len(r.rest) >= batchPrefix; {
		offset, size := r.int64(), int(r.int32())
		if size > len(r.rest) {
			break // cut off
		}
		b := readBatchHeader(r.take(size))
		if offset < 0 || !b.valid || offset > math.MaxInt64-b.offsets || offset+b.offsets <= next {
			return logAnswer{}, next, errOddLogAnswer
		}
		next = offset + b.offsets
		if b.producerID == q.producerID && b.epoch == q.epoch && b.firstSequence == q.firstSequence && b.timestamp >= q.timestamp {
			a.found, a.offset, a.records = true, offset, int(b.offsets)
			return a, next, nil
		}
	}
	return a, next, nil
}

// batchPrefix is the size of a record batch's offset and length.
const batchPrefix = 8 + 4

// A batchHeader is the beginning of a record batch in a log. offsets is how many it
// takes: as many as it had records, also after compaction.
type batchHeader struct {
	valid         bool
	offsets       int64
	producerID    int64
	epoch         int16
	firstSequence int32
	timestamp     int64 // the largest
}

// readBatchHeader reads the header of a record batch, behind its length.
func readBatchHeader(b []byte) batchHeader {
	r := byteReader{rest: b}
	r.int32() // leader epoch; before magic 2: checksum
	if version := r.take(1); version != nil && version[0] < recordBatchVersion {
		return batchHeader{valid: true, offsets: 1, producerID: noProducerID} // older formats have none
	}
	r.int32() // checksum
	r.int16() // attributes
	h := batchHeader{offsets: int64(r.int32()) + 1}
	r.int64() // first timestamp
	h.timestamp = r.int64()
	h.producerID, h.epoch, h.firstSequence = r.int64(), r.int16(), r.int32()
	h.valid = !r.odd && h.offsets > 0
	return h
}
