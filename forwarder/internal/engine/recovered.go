package engine

import (
	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// recoveredBatches makes the record batches of what a former process may have
// written to a topic: the intent's, with an intent that is recorded, and the rest of its
// whole.
func recoveredBatches(topic int, r *producer.Recovered) []*recordBatch {
	b := newRecoveredBatch(topic, r, r.Groups)
	b.intended = true
	list := []*recordBatch{b}
	if len(r.Rest) > 0 {
		list = append(list, newRecoveredBatch(topic, r, r.Rest))
	}
	return list
}

func newRecoveredBatch(topic int, r *producer.Recovered, groups []*producer.Group) *recordBatch {
	b := &recordBatch{topic: topic, partition: r.Intent.Partition, mayBeWritten: true, timestamp: r.Intent.Timestamp}
	for _, g := range groups {
		s := newSubmission(g)
		g.State = s
		s.partition = r.Intent.Partition
		for ; s.next < s.end; s.next++ {
			b.appendLocked(s, s.next)
		}
	}
	return b
}

// former returns the producer state with which a former process has written what
// is recovered.
func former(i *producer.Intent) producerState {
	return producerState{
		id: i.ProducerID, epoch: i.ProducerEpoch, nextSequence: i.FirstSequence, keepsEpoch: true, former: true,
	}
}
