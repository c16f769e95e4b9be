package asyncproducer

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/backoff"
	"github.com/eventferry/eventferry/forwarder/internal/ctxwait"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// An asyncProducer is one of Sarama's. A partition moves to a new one when all
// its messages in the old one have ended.
type asyncProducer struct {
	input    chan<- *sarama.ProducerMessage
	close    func()
	inFlight int
	failures int
}

// handOverLocked notes that the current AsyncProducer gets m, a message of p.
func (a *Producer) handOverLocked(p *partitionQueue, m *sarama.ProducerMessage, ref messageRef) {
	if p.async != a.current {
		p.async, p.sequence = a.current, 0
	}
	a.inFlight[m] = ref
	p.inFlight++
	p.bytes += ref.size()
	p.async.inFlight++
	if p.sequence++; p.sequence >= a.limits.sequences {
		a.renewLocked()
	}
}

func (a *Producer) renewLocked() {
	if !a.renewing {
		a.renewing = true
		a.asking.Go(a.renew)
	}
}

// renew starts an AsyncProducer and makes it the current one. It tries until
// Close. AsyncProducer begins by asking for a producer id, so it must wait for
// a broker that answers.
func (a *Producer) renew() {
	for failures, need := 0, uint64(1); a.metadata.await(need) == nil; failures++ {
		stock, err := a.start()
		if err == nil {
			a.use(stock)
			return
		}
		a.mu.Lock()
		a.failure = fmt.Errorf("getting a producer id: %w", err)
		a.mu.Unlock()
		need = a.metadata.request() // Sarama's client drops brokers that are gone
		ctxwait.Sleep(a.ctx, backoff.Exponential(minBackoff, maxStartBackoff, failures))
	}
}

func (a *Producer) use(stock sarama.AsyncProducer) {
	next := &asyncProducer{input: stock.Input(), close: stock.AsyncClose}
	a.asking.Go(func() {
		for m := range stock.Successes() {
			a.settle(m, producer.Result{Outcome: producer.Acknowledged, Partition: m.Partition, Offset: m.Offset})
		}
	})
	a.asking.Go(func() {
		for e := range stock.Errors() {
			a.settle(e.Msg, a.failed(e))
		}
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		next.close()
		return
	}
	old := a.current
	a.current, a.renewing, a.failure = next, false, nil
	a.open[next] = true
	if old != nil {
		a.closeUnusedLocked(old)
	}
	for _, p := range a.partitions {
		p.changed.Signal()
	}
}

// closeUnusedLocked closes p if it is no longer the current one and has no
// messages left.
func (a *Producer) closeUnusedLocked(p *asyncProducer) {
	if a.open[p] && p != a.current && p.inFlight == 0 {
		delete(a.open, p)
		p.close()
	}
}

// settle settles m and makes room for the next message, unless that was done at
// Close or m is a mark that AsyncProducer made for itself and lost.
func (a *Producer) settle(m *sarama.ProducerMessage, r producer.Result) {
	a.mu.Lock()
	ref, ok := a.inFlight[m]
	if !ok {
		a.mu.Unlock()
		return
	}
	delete(a.inFlight, m)
	p, from := ref.group.queue, ref.group.queue.async
	p.inFlight--
	p.bytes -= ref.size()
	p.waitingSince = time.Now()
	from.inFlight--
	if r.Outcome != producer.Acknowledged {
		from.failures++
	}
	if from == a.current && from.failures >= a.limits.failures && !a.closed {
		a.renewLocked()
	}
	a.closeUnusedLocked(from)
	p.changed.Signal()
	a.mu.Unlock()
	ref.group.group.Owner.Settle(ref.index, r)
}

// settleInFlight settles the messages that AsyncProducers have not given back.
func (a *Producer) settleInFlight() {
	a.mu.Lock()
	left := maps.Clone(a.inFlight)
	a.mu.Unlock()
	for m, ref := range left {
		a.settle(m, producer.Result{Outcome: producer.Unknown, Partition: ref.group.queue.number, Offset: -1, Err: producer.ErrClosed})
	}
}

// failed reports every error as unknown: AsyncProducer does not tell attempts
// apart, so an earlier one may have been written. The exceptions are the checks
// that it makes before the first attempt: the size of a message, and the number
// of the partition.
func (a *Producer) failed(e *sarama.ProducerError) producer.Result {
	r := producer.Result{Outcome: producer.Unknown, Partition: e.Msg.Partition, Offset: -1, Err: e.Err}
	if _, ok := errors.AsType[sarama.ConfigurationError](e.Err); ok || errors.Is(e.Err, sarama.ErrInvalidPartition) {
		r.Outcome = producer.NotSent
	}
	if a.ctx.Err() != nil {
		r.Err = fmt.Errorf("%w: %w", producer.ErrClosed, e.Err)
	}
	return r
}

// end ends all goroutines. The messages that AsyncProducers still have come back
// soon, since their connections are closed; after closeGrace it does not wait for
// them.
func (a *Producer) end(stock sarama.Client) {
	defer close(a.stopped)
	a.feeding.Wait()
	a.mu.Lock()
	open := a.open
	a.open = nil
	a.mu.Unlock()
	for p := range open {
		p.close()
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.asking.Wait()
		_ = stock.Close() // it has served the AsyncProducers only
	}()
	select {
	case <-ended:
	case <-time.After(closeGrace):
		a.settleInFlight()
	}
}
