package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/IBM/sarama"
	"github.com/eventferry/eventferry/forwarder/internal/ctxwait"
)

// producerIDs gets producer ids, one for each partition that has anything to
// send.
type producerIDs struct {
	mu      sync.Locker             // the engine's
	arrived func(producerIDRequest) // called with the lock
	workers [maxIDWorkers]*producerIDWorker

	// Guarded by the lock:

	waiting []producerIDRequest
	failure error // of the last attempt
}

// A producerIDRequest is a partition that needs a producer id.
type producerIDRequest struct {
	topic     int // of the brokers' engines
	partition int32
	state     *producerState
}

// A producerIDWorker requests one id after the other, on a connection of its own.
type producerIDWorker struct {
	ids        *producerIDs
	brokers    *anyBroker
	woken      chan struct{}
	minWaiting int // partitions that must wait before this worker helps
}

const (
	maxIDWorkers          = 8
	partitionsPerIDWorker = 8                // so many more partitions call for another worker
	idConnKeepAlive       = 10 * time.Second // the connection stays open for the next partition
	minIDBackoff          = firstBackoff
)

// newProducerIDs makes the workers; the i-th asks the brokers that ask returns.
func newProducerIDs(mu sync.Locker, arrived func(producerIDRequest), ask func(i int) *anyBroker) *producerIDs {
	ids := &producerIDs{mu: mu, arrived: arrived}
	for i := range ids.workers {
		ids.workers[i] = &producerIDWorker{
			ids: ids, brokers: ask(i), woken: make(chan struct{}, 1), minWaiting: i*partitionsPerIDWorker + 1,
		}
	}
	return ids
}

// requestLocked requests an id for a partition, unless that was done.
func (ids *producerIDs) requestLocked(r producerIDRequest) {
	if r.state.requested {
		return
	}
	r.state.requested = true
	ids.waiting = append(ids.waiting, r)
	ids.wakeWorkersLocked()
}

// wakeWorkersLocked wakes as many workers as there is work for.
func (ids *producerIDs) wakeWorkersLocked() {
	for _, w := range ids.workers {
		if len(ids.waiting) >= w.minWaiting {
			select {
			case w.woken <- struct{}{}:
			default: // it has been woken already
			}
		}
	}
}

func (w *producerIDWorker) run(ctx context.Context) {
	defer w.brokers.close()
	for failures := 0; ctx.Err() == nil; {
		r, ok := w.next()
		if !ok {
			if !w.sleep(ctx) {
				return
			}
			continue
		}
		if err := w.fetch(r); err == nil {
			failures = 0
			continue
		}
		failures++
		if !ctxwait.Sleep(ctx, max(backoffAfter(failures, w.brokers.rand), minIDBackoff)) {
			return
		}
	}
}

// next takes the partition that has waited longest, if this worker is needed.
func (w *producerIDWorker) next() (r producerIDRequest, ok bool) {
	w.ids.mu.Lock()
	defer w.ids.mu.Unlock()
	if len(w.ids.waiting) < w.minWaiting {
		return r, false
	}
	r = w.ids.waiting[0]
	if w.ids.waiting = w.ids.waiting[1:]; len(w.ids.waiting) == 0 {
		w.ids.waiting = nil // of what may be thousands of partitions
	}
	return r, true
}

// sleep waits until an id is requested.
func (w *producerIDWorker) sleep(ctx context.Context) bool {
	t := time.NewTimer(idConnKeepAlive)
	defer t.Stop()
	for {
		select {
		case <-w.woken:
			return true
		case <-t.C:
			w.brokers.disconnect()
		case <-ctx.Done():
			return false
		}
	}
}

// producerIDError explains why no broker gave a producer id. Brokers before Kafka
// 0.11 do not know the request, and some close the connection on it.
func producerIDError(err error) error {
	old := errors.Is(err, sarama.ErrUnsupportedVersion) || errors.Is(err, sarama.ErrInvalidRequest) ||
		errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)
	if old {
		return fmt.Errorf("getting a producer id, which needs Kafka 0.11 or newer: %w", err)
	}
	return fmt.Errorf("getting a producer id: %w", err)
}

// fetch requests an id for r.
func (w *producerIDWorker) fetch(r producerIDRequest) error {
	id, err := askAny(w.brokers, func(c brokerConn) (producerIDAnswer, error) {
		id, err := c.producerID()
		if err == nil {
			err = id.check()
		}
		return id, err
	})
	if err != nil {
		err = producerIDError(err)
	}
	ids := w.ids
	ids.mu.Lock()
	defer ids.mu.Unlock()
	if err != nil || len(ids.waiting) == 0 { // one worker's success does not disprove another's failure
		ids.failure = err
	}
	if err != nil {
		ids.waiting = slices.Insert(ids.waiting, 0, r)
		ids.wakeWorkersLocked() // this worker may not be needed any more
		return err
	}
	r.state.begin(id)
	ids.arrived(r)
	return nil
}
