package engine

import "math"

// A logQuery asks a partition's leader whether a record batch is in its log that
// may have been written. What may be concluded from the answer:
//
// It was written if Fetch shows a record batch below the high watermark with our
// producer id, epoch and first sequence number, and as many records as one of the
// attempts had. All in-sync replicas have what is below the high watermark, which
// an answer to acks=all waits for, too (ReplicaManager.fetchMessages and
// Partition.checkEnoughReplicasReachOffset of Kafka 3.9). Numbers are never used
// for other messages, so these are ours. After 2^31 messages they come again, but
// then what had them first is older.
//
// What only the leader has proves nothing: the next leader may lack it. So the last
// sequence number that DescribeProducers tells (KIP-664) proves nothing alone: the
// leader sets it when it appends (ProducerStateManager). It says what to wait for.
//
// Attempts at the same first number have fewer and fewer records, since a record
// batch is only ever cut up. If one with fewer records than all of them is in the
// log, and the leader's last sequence number is its last, then the larger ones are
// not there. They cannot get there: the leader refuses them, late or not, as out of
// sequence (ProducerAppendInfo.checkSequence). An answer to a produce request
// that takes a part says no more. Without that last sequence number nothing is
// concluded.
//
// That nothing is found never means that nothing was written. The broker may still
// read what an earlier connection has left in its buffers. A new epoch fences that
// only from its first record batch on, and a new producer id never does. Retention
// may have deleted it, and its timestamp, from which on the log is read, may be one
// that the broker has set. So the messages stay unknown then.
type logQuery struct {
	topic         string
	partition     int32
	producerID    int64
	epoch         int16
	firstSequence int32
	timestamp     int64 // of the first record, in milliseconds
	smallest      int   // records of the smallest attempt
	largest       int   // records of the largest attempt
}

// A logAnswer is what the leader says.
type logAnswer struct {
	found         bool  // a record batch with the first sequence number
	offset        int64 // of its first record
	records       int   // in it
	highWatermark int64
	lastSequence  int32 // of the producer in this epoch; noSequence: the leader does not tell
}

const noSequence = int32(-1)

// written returns how many messages are in the log, the first ones of those that
// may be; 0: that is not known. The others were not written.
func (q *logQuery) written(a *logAnswer) int {
	switch {
	case !a.found || a.records < q.smallest || a.records > q.largest:
		return 0
	case a.offset < 0 || a.highWatermark < 0 || a.offset > a.highWatermark-int64(a.records):
		return 0
	case a.records < q.largest && a.lastSequence != q.sequence(a.records-1):
		return 0
	default:
		return a.records
	}
}

// sequence returns the sequence number of record i. After 2^31-1 comes 0.
func (q *logQuery) sequence(i int) int32 {
	return int32((int64(q.firstSequence) + int64(i)) & math.MaxInt32)
}

// appended reports whether last, a producer's last sequence number, is that of a
// record that is asked about: then the leader has appended it.
func (q *logQuery) appended(last int32) bool {
	return last >= 0 && (int64(last)-int64(q.firstSequence))&math.MaxInt32 < int64(q.largest)
}
