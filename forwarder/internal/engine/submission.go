package engine

import (
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// A submission is a group that was submitted. It holds everything that the
// engine needs of the group, which may have left the processor's cache by the
// time it is sent.
type submission struct {
	messages    []producer.Message
	owner       producer.Settler
	bytes       int       // of all messages
	timestamp   int64     // of acceptance, in milliseconds, for Kafka
	submittedAt time.Time // the same by the monotonic clock

	// Messages before next are in record batches, those from end on were
	// withdrawn; those in between wait.
	next, end int

	partition int32 // noPartition while it is not known
	fixed     int32 // as in producer.Group

	number uint64 // of the first message in the journal

	// doubtful: messages of it may have been written under numbers that were given
	// up. Then they go out again, and none of it is known not to be in Kafka.
	doubtful bool

	list                *submissionList // that it waits in; nil when no message waits
	previous, following *submission
}

// noPartition stands for a partition that is not known, as of messages without a
// key.
const noPartition = producer.NoPartition

func newSubmission(g *producer.Group) *submission {
	s := &submission{messages: g.Messages, owner: g.Owner, end: len(g.Messages), partition: noPartition, fixed: g.Fixed, number: g.First, doubtful: g.Doubtful}
	for i := range g.Messages {
		s.bytes += g.Messages[i].Size()
	}
	return s
}

// piece returns the messages [from, to) of s as a submission of their own.
func (s *submission) piece(from, to int) *submission {
	p := *s
	p.next, p.end = from, to
	p.list, p.previous, p.following = nil, nil, nil
	return &p
}

// allWaiting reports whether all messages of s wait.
func (s *submission) allWaiting() bool { return s.end-s.next == len(s.messages) }

// waitingBytes returns the size of the messages that wait.
func (s *submission) waitingBytes() int {
	if s.allWaiting() {
		return s.bytes
	}
	n := 0
	for i := s.next; i < s.end; i++ {
		n += s.messages[i].Size()
	}
	return n
}

// settleNotSent settles messages that were never sent.
func (s *submission) settleNotSent(first, end int, cause error) {
	r := producer.Result{Outcome: producer.NotSent, Partition: -1, Offset: -1, Err: cause}
	if s.doubtful {
		r.Outcome = producer.Unknown
	}
	for i := first; i < end; i++ {
		s.owner.Settle(i, r)
	}
}

// A submissionList is a linked list of submissions, so that one can be removed
// from the middle.
type submissionList struct{ first, last *submission }

func (l *submissionList) empty() bool { return l.first == nil }

func (l *submissionList) pushBack(s *submission) {
	s.list, s.previous = l, l.last
	if l.last == nil {
		l.first = s
	} else {
		l.last.following = s
	}
	l.last = s
}

func (l *submissionList) pushFront(s *submission) {
	s.list, s.following = l, l.first
	if l.first == nil {
		l.last = s
	} else {
		l.first.previous = s
	}
	l.first = s
}

func (l *submissionList) remove(s *submission) {
	if s.previous == nil {
		l.first = s.following
	} else {
		s.previous.following = s.following
	}
	if s.following == nil {
		l.last = s.previous
	} else {
		s.following.previous = s.previous
	}
	s.list, s.previous, s.following = nil, nil, nil
}
