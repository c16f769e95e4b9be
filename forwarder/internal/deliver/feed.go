package deliver

import (
	"container/list"
	"time"

	"github.com/IBM/sarama"
)

// feed hands the queued messages over until Close.
func (a *Async) feed() {
	for {
		a.renewIfDue()
		m, s := a.next()
		if m == nil {
			select {
			case <-a.wake:
				continue
			case <-a.abort:
				return
			}
		}
		select {
		case s.producer.Input() <- m:
		case <-a.abort:
			a.settle(s, m, Result{Outcome: NotSent, Partition: -1, Offset: -1, Err: ErrClosed})
			return
		}
	}
}

// next takes the message that goes next, of the partitions in turn, and nil
// when there is none or no room for one.
func (a *Async) next() (*sarama.ProducerMessage, *session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.session == nil {
		return nil, nil
	}
	for len(a.ready) > 0 {
		l := a.ready[0]
		a.ready[0] = nil // for the garbage collector
		a.ready = a.ready[1:]
		l.listed = false
		if e := a.frontLocked(l); e != nil {
			return a.takeLocked(l, e), l.session
		}
	}
	a.ready = nil
	return nil, nil
}

// frontLocked returns the group of l that has a message to hand over now.
func (a *Async) frontLocked(l *lane) *entry {
	front := l.queue.Front()
	if front == nil {
		return nil
	}
	if l.session != a.session {
		if l.flying > 0 {
			return nil // what the old session has must end first
		}
		a.joinLocked(l)
	}
	e := front.Value.(*entry) //nolint:errcheck // the list holds nothing else
	size := e.group.Messages[e.next].Size()
	if l.flying > 0 && (l.flying >= a.limits.messages || l.bytes+size > a.limits.bytes) {
		return nil
	}
	return e
}

// takeLocked takes the next message of e off the queue.
func (a *Async) takeLocked(l *lane, e *entry) *sarama.ProducerMessage {
	m := e.record(a.topic, e.next)
	l.flying++
	l.bytes += e.group.Messages[e.next].Size()
	if l.numbered++; l.numbered >= a.limits.numbered {
		a.numbered = true
	}
	e.next++
	if e.next == len(e.group.Messages) {
		e.removeLocked()
	}
	if l.queue.Len() > 0 {
		a.listLocked(l)
	}
	return m
}

// settle tells the owner of m how it ended, and makes room for the next.
func (a *Async) settle(s *session, m *sarama.ProducerMessage, r Result) {
	t, ok := m.Metadata.(ticket)
	if !ok {
		return // a mark that AsyncProducer made for itself and lost
	}
	l := t.entry.lane
	a.mu.Lock()
	l.flying--
	l.bytes -= t.entry.group.Messages[t.index].Size()
	l.since = time.Now()
	if r.Outcome != Acknowledged {
		s.failures++
	}
	a.leaveLocked(l)
	if l.queue.Len() > 0 {
		a.listLocked(l)
	}
	a.mu.Unlock()
	a.wakeUp()
	t.entry.group.Owner.Settle(t.index, r)
}

// settleQueued settles what nobody will hand over any more.
func (a *Async) settleQueued() {
	a.mu.Lock()
	queues := []*list.List{&a.unplaced}
	for _, l := range a.lanes {
		queues = append(queues, &l.queue)
	}
	var left []*entry
	var rest []int
	for _, q := range queues {
		for q.Len() > 0 {
			e := q.Front().Value.(*entry) //nolint:errcheck // the lists hold nothing else
			left, rest = append(left, e), append(rest, e.restLocked())
		}
	}
	a.mu.Unlock()
	for i, e := range left {
		e.refuse(rest[i], ErrClosed)
	}
}
