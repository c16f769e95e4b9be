package engine

import (
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/deliver"
)

// An entry is a group on its way. It has all that the engine needs of the group,
// which may have left the processor's cache when its turn comes.
type entry struct {
	messages []deliver.Message
	owner    deliver.Settler
	bytes    int       // of all messages
	stamp    int64     // of acceptance, in milliseconds, as Kafka is told
	since    time.Time // the same by a clock that is never set back

	// Messages before next are in bundles, those from end on were taken back;
	// what is between them waits.
	next, end int

	queue *queue // nil until the partition is known

	in                 *fifo // that it waits in; nil when no message waits
	previous, followed *entry
}

func newEntry(g *deliver.Group) *entry {
	t := &entry{messages: g.Messages, owner: g.Owner, end: len(g.Messages)}
	for i := range g.Messages {
		t.bytes += g.Messages[i].Size()
	}
	return t
}

// A fifo is a list of entries that each know their place in it.
type fifo struct{ first, last *entry }

func (f *fifo) empty() bool { return f.first == nil }

func (f *fifo) pushBack(t *entry) {
	t.in, t.previous = f, f.last
	if f.last == nil {
		f.first = t
	} else {
		f.last.followed = t
	}
	f.last = t
}

func (f *fifo) pushFront(t *entry) {
	t.in, t.followed = f, f.first
	if f.first == nil {
		f.last = t
	} else {
		f.first.previous = t
	}
	f.first = t
}

func (f *fifo) remove(t *entry) {
	if t.previous == nil {
		f.first = t.followed
	} else {
		t.previous.followed = t.followed
	}
	if t.followed == nil {
		f.last = t.previous
	} else {
		t.followed.previous = t.previous
	}
	t.in, t.previous, t.followed = nil, nil, nil
}

// restLocked takes what is certainly not written of the end of t off its queue,
// so that the caller alone settles it, and returns the index of the first such
// message.
func (e *Engine) restLocked(t *entry) int {
	q := t.queue
	if q != nil {
		e.takeBackLocked(t)
	}
	if t.in != nil {
		t.in.remove(t)
		if q != nil {
			q.countLocked(-t.waitingBytes())
		}
	}
	t.end = t.next
	if q != nil {
		q.emptiedLocked()
		e.listLocked(q, time.Now())
	}
	return t.next
}

// whole reports whether all messages of t wait.
func (t *entry) whole() bool { return t.end-t.next == len(t.messages) }

func (t *entry) waitingBytes() int {
	if t.whole() {
		return t.bytes
	}
	n := 0
	for i := t.next; i < t.end; i++ {
		n += t.messages[i].Size()
	}
	return n
}

// refuse settles the messages from first on: they were never sent.
func (t *entry) refuse(first, end int, cause error) {
	for i := first; i < end; i++ {
		t.owner.Settle(i, deliver.Result{Outcome: deliver.NotSent, Partition: -1, Offset: -1, Err: cause})
	}
}
