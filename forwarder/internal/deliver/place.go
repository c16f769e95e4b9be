package deliver

import (
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

// place chooses the partition for all messages of e; -1 while the partitions
// are not known. The number of partitions is the one known at acceptance.
func (a *Async) place(e *entry) (partition int32, err error) {
	defer func() {
		if v := recover(); v != nil { // the messages must not stay undecided
			partition, err = -1, fmt.Errorf("choosing a partition: panicked (%T)", v)
		}
	}()
	v := a.cluster.now()
	if len(v.all) == 0 {
		return -1, nil
	}
	m := e.record(a.topic, 0)
	candidates := v.all
	if p, ok := a.choose.(sarama.DynamicConsistencyPartitioner); ok && !p.MessageRequiresConsistency(m) && len(v.leader) > 0 {
		candidates = v.leader // without any leader it waits like all the others
	}
	i, err := a.choose.Partition(m, int32(len(candidates)))
	if err != nil {
		return -1, fmt.Errorf("choosing a partition: %w", err)
	}
	if i < 0 || int(i) >= len(candidates) {
		return -1, fmt.Errorf("choosing a partition: %w", sarama.ErrInvalidPartition)
	}
	return candidates[i], nil
}

// enqueueLocked puts e at the end of its partition's queue.
func (a *Async) enqueueLocked(e *entry, partition int32) {
	l := a.lanes[partition]
	if l == nil {
		l = &lane{partition: partition}
		a.lanes[partition] = l
	}
	if !l.undecidedLocked() {
		l.since = time.Now()
	}
	e.lane = l
	e.pushLocked(&l.queue)
	a.listLocked(l)
}

// listLocked tells the feeder to look at l.
func (a *Async) listLocked(l *lane) {
	if !l.listed {
		l.listed = true
		a.ready = append(a.ready, l)
	}
}

// placeWaiting places what was accepted while the partitions were not known,
// in the order of acceptance.
func (a *Async) placeWaiting() {
	for {
		a.mu.Lock()
		front := a.unplaced.Front()
		a.mu.Unlock()
		if front == nil {
			return
		}
		e := front.Value.(*entry) //nolint:errcheck // the list holds nothing else
		partition, err := a.place(e)
		if err == nil && partition < 0 {
			return
		}
		a.mu.Lock()
		rest := len(e.group.Messages)
		switch {
		case e.queue == nil: // withdrawn meanwhile
		case err != nil:
			rest = e.restLocked()
		default:
			e.removeLocked()
			a.enqueueLocked(e, partition)
		}
		a.mu.Unlock()
		e.refuse(rest, err)
		a.wakeUp()
	}
}
