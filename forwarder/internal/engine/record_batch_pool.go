package engine

import "slices"

// A recordBatchPool keeps record batches for reuse. Each takes some 160 bytes
// for each message of the most that it ever had.
type recordBatchPool struct{ free []*recordBatch }

const (
	maxFreeRecordBatches = 32
	maxReusedRecords     = 1024 // of a record batch that is worth keeping
)

func (l *recordBatchPool) get(partition int32) *recordBatch {
	b := &recordBatch{}
	if n := len(l.free); n > 0 {
		b, l.free = l.free[n-1], l.free[:n-1]
	}
	b.partition = partition
	return b
}

// put takes b back. No message of it may be needed any more.
func (l *recordBatchPool) put(b *recordBatch) {
	if len(l.free) == maxFreeRecordBatches || len(b.records) > maxReusedRecords {
		return
	}
	clear(b.ranges)
	b.clearRecords()
	*b = recordBatch{ranges: b.ranges[:0], records: b.records, recordPointers: b.recordPointers, headers: b.headers.reusable()}
	l.free = append(l.free, b)
}

// split makes several record batches of b: a new one begins with each message i
// for which cut reports true.
func (l *recordBatchPool) split(b *recordBatch, cut func(i int) bool) []*recordBatch {
	var parts []*recordBatch
	i := 0
	for _, r := range b.ranges {
		for m := r.from; m < r.to; m++ {
			if i == 0 || cut(i) {
				part := l.get(b.partition)
				part.topic, part.mayBeWritten, part.timestamp = b.topic, b.mayBeWritten, b.timestamp
				parts = append(parts, part)
			}
			parts[len(parts)-1].appendLocked(r.submission, m)
			i++
		}
	}
	l.put(b)
	return parts
}

// splitBytes makes record batches of b that have at most so many bytes, or one
// message.
func (l *recordBatchPool) splitBytes(b *recordBatch, most int) []*recordBatch {
	bytes, i := 0, 0
	var cuts []int
	for _, r := range b.ranges {
		for m := r.from; m < r.to; m++ {
			size := r.submission.messages[m].Size()
			if i > 0 && bytes+size > most {
				cuts, bytes = append(cuts, i), 0
			}
			bytes += size
			i++
		}
	}
	return l.split(b, func(i int) bool {
		_, cut := slices.BinarySearch(cuts, i)
		return cut
	})
}
