package engine

import (
	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// settlements are results that are collected under the lock and reported
// without it.
type settlements struct {
	recordBatches []batchSettlement
	submissions   []notSentRange
}

// A batchSettlement is the result of all messages of a record batch.
type batchSettlement struct {
	recordBatch *recordBatch
	result      producer.Result // of the first message; the others' offsets follow
}

// A notSentRange is messages [first, end) of a submission that were never sent.
type notSentRange struct {
	submission *submission
	first, end int
	cause      error
}

func (s *settlements) add(b *recordBatch, r producer.Result) {
	s.recordBatches = append(s.recordBatches, batchSettlement{b, r})
}

// addNotSent settles the waiting messages of a submission.
func (s *settlements) addNotSent(one *submission, cause error) {
	s.submissions = append(s.submissions, notSentRange{one, one.next, one.end, cause})
	one.next = one.end
}

// addAllNotSent empties a list and settles its waiting messages.
func (s *settlements) addAllNotSent(l *submissionList, cause error) {
	for one := l.first; one != nil; one = l.first {
		l.remove(one)
		s.addNotSent(one, cause)
	}
}

// report tells the owners all results. The lock must not be held.
func (s *settlements) report() {
	for _, b := range s.recordBatches {
		result := b.result
		for _, r := range b.recordBatch.ranges {
			for i := r.from; i < r.to; i++ {
				r.owner.Settle(i, result)
				if result.Offset >= 0 {
					result.Offset++
				}
			}
		}
	}
	for _, r := range s.submissions {
		r.submission.settleNotSent(r.first, r.end, r.cause)
	}
}
