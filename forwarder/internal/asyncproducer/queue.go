package asyncproducer

import (
	"container/list"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// A partitionQueue holds the undecided messages for one partition. AsyncProducer
// takes messages from one channel and cannot give one back, so a goroutine for
// each partition hands over no more than it can work on: messages that still
// wait can be withdrawn and are known not to be sent, and a partition that makes
// no progress delays no other.
type partitionQueue struct {
	number       int32
	waiting      list.List  // of *acceptedGroup, in the order of acceptance
	changed      *sync.Cond // under the producer's lock
	inFlight     int        // messages that AsyncProducer has
	bytes        int        // of those
	waitingSince time.Time  // of the last progress, or of the first message after a pause

	async    *asyncProducer // that the last message went to
	sequence int64          // messages that it has had of this partition
}

func (a *Producer) addQueueLocked(number int32) *partitionQueue {
	p := &partitionQueue{number: number, changed: sync.NewCond(&a.mu)}
	a.partitions[number] = p
	return p
}

func (p *partitionQueue) firstLocked() *acceptedGroup {
	if front := p.waiting.Front(); front != nil {
		return front.Value.(*acceptedGroup) //nolint:errcheck // the list holds nothing else
	}
	return nil
}

func (p *partitionQueue) undecidedLocked() bool { return p.inFlight > 0 || p.waiting.Len() > 0 }

// enqueueLocked puts g at the end of a partition's queue.
func (a *Producer) enqueueLocked(g *acceptedGroup, number int32) {
	p, known := a.partitions[number]
	if !known {
		p = a.addQueueLocked(number)
		a.feeding.Go(func() { a.feed(p) })
	}
	if !p.undecidedLocked() {
		p.waitingSince = time.Now()
	}
	g.queue = p
	g.element = p.waiting.PushBack(g)
	p.changed.Signal()
}

// nextLocked waits until the first group of p can go on, and returns nil at
// Close.
func (a *Producer) nextLocked(p *partitionQueue) *acceptedGroup {
	for !a.closed {
		if g := p.firstLocked(); g != nil && (p == a.unplaced || a.hasRoomLocked(p, g.group.Messages[g.next].Size())) {
			return g
		}
		p.changed.Wait()
	}
	return nil
}

// feed hands over the messages of p until Close.
func (a *Producer) feed(p *partitionQueue) {
	for m, to := a.take(p); m != nil; m, to = a.take(p) {
		to.input <- m // which is soon received: AsyncProducer has room for a window of each partition
	}
	a.settleWaiting(p)
}

// take takes the next message of p off the queue, and returns nil at Close.
func (a *Producer) take(p *partitionQueue) (*sarama.ProducerMessage, *asyncProducer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.nextLocked(p)
	if g == nil {
		return nil, nil
	}
	i := g.next
	if g.next++; g.next == len(g.group.Messages) {
		g.withdrawLocked()
	}
	m := g.record(a.topic, i)
	a.handOverLocked(p, m, messageRef{g, i})
	return m, p.async
}

// hasRoomLocked reports whether AsyncProducer may get another message of p. A
// message that is larger than the limit goes alone.
func (a *Producer) hasRoomLocked(p *partitionQueue, size int) bool {
	switch {
	case a.current == nil:
		return false
	case p.inFlight == 0:
		return true
	default: // messages that another AsyncProducer has must end first
		return p.async == a.current && p.inFlight < a.limits.messages && p.bytes+size <= a.limits.bytes
	}
}

// place moves the messages that were accepted while the partitions were not
// known to their partitions, in the order of acceptance.
func (a *Producer) place() {
	if a.metadata.await(1) == nil {
		for a.placeNext() {
			continue
		}
	}
	a.settleWaiting(a.unplaced)
}

func (a *Producer) placeNext() bool {
	a.mu.Lock()
	g := a.nextLocked(a.unplaced)
	a.mu.Unlock()
	if g == nil {
		return false
	}
	number, err := a.choose(g.group.Messages[0].Key)
	first := len(g.group.Messages)
	a.mu.Lock()
	if g.element != nil && !a.closed { // neither withdrawn nor left to settleWaiting meanwhile
		first = g.withdrawLocked()
		if err == nil {
			g.next = first
			a.enqueueLocked(g, number)
		}
	}
	a.mu.Unlock()
	if err != nil {
		g.settleNotSent(first, err)
	}
	return true
}

// settleWaiting settles the messages of p that were never handed over.
func (a *Producer) settleWaiting(p *partitionQueue) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for g := p.firstLocked(); g != nil; g = p.firstLocked() {
		first := g.withdrawLocked()
		a.mu.Unlock()
		g.settleNotSent(first, producer.ErrClosed)
		a.mu.Lock()
	}
}
