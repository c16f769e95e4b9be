package forwarder

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/drain"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// A storedBatch is a batch that was added to a spool, from its caller's side.
type storedBatch struct {
	delivery  *delivery
	storeOnly bool // the caller waits for the disk, and not for Kafka
	first     uint64
	windowed  bool // it was stored to wait in a window
	ticket    spoolstore.Ticket
	spool     batchSpool
	final     atomic.Bool // the caller's error is how the batch ended
	waits     int64       // bytes that it takes while its caller waits for Kafka
	room      atomic.Int32

	// Guarded by the lock of spoolUse:
	number   uint64         // under which it will be sent: first, or that of what its window became
	reported bool           // Done has told the caller's error
	waiters  int            // calls of Wait that have entered and not left
	outcomes []*drain.Ended // that came before Done had told, one for each topic
}

// A batchSpool is what a storedBatch needs of a [spoolUse].
type batchSpool interface {
	await(*storedBatch)
	enter(*storedBatch) bool
	exit(*storedBatch)
	leave(k *storedBatch, final bool)
	state(k *storedBatch, index int) (r spoolstore.Refusal, pending, refused bool)
	whyNow(context.Context) error
}

// A keptDelivery is a storedBatch, and room for what an entry with one message needs.
type keptDelivery struct {
	storedBatch
	inline [1]spoolstore.Message

	// memory of the messages is not the delivery's: Kafka may have acknowledged the
	// batch before the call that gives the memory back goes on.
	memory *[]byte
}

// newKeptDelivery takes a delivery that is encoded.
func newKeptDelivery(d *delivery, s batchSpool) *keptDelivery {
	k := &keptDelivery{}
	k.delivery, k.spool = d, s
	d.kept = &k.storedBatch
	k.memory, d.memory = d.memory, nil
	return k
}

// messages returns the messages as the spool stores them.
func (k *keptDelivery) messages() []spoolstore.Message {
	list := k.inline[:0]
	for i := range k.delivery.groups {
		for _, m := range k.delivery.groups[i].group.Messages {
			list = append(list, spoolstore.Message{Value: m.Value, Part: m.Part, Headers: storedHeaders(m.Headers)})
		}
	}
	return list
}

// handedOver is called when the store has the messages, or has refused them. It gives
// their memory back, unless the store keeps it, and keeps nothing of the values but
// their lengths: the batch may wait for Kafka for hours.
func (k *keptDelivery) handedOver(p *pool) {
	if !k.ticket.KeptMemory {
		p.put(k.memory)
	}
	k.memory = nil
	clear(k.inline[:])
	for i := range k.delivery.groups {
		for j := range k.delivery.groups[i].group.Messages {
			k.delivery.groups[i].group.Messages[j].Value = nil
		}
	}
}

// Number implements [spoolstore.Numbered].
func (k *storedBatch) Number(first uint64) {
	k.first, k.number = first, first
	k.spool.await(k)
}

// leave is called when Done has told the caller's error.
func (k *storedBatch) leave() { k.spool.leave(k, k.final.Load()) }

// whenEnded calls answer with the outcome, once, at the latest when ctx ends. It
// blocks until the batch is stored.
func (k *storedBatch) whenEnded(ctx context.Context, answer func(error)) {
	stored, err := k.waitStored(ctx)
	if !stored || k.storeOnly {
		answer(err)
		return
	}
	d := k.delivery
	stop := context.AfterFunc(ctx, func() {
		if d.dropCallback() {
			answer(d.outcomeAt(ctx))
		}
	})
	d.whenDone(doneFunc(func() {
		stop()
		k.final.Store(true)
		go func() { answer(d.outcome()) }()
	}))
}

// wait returns the outcome, at the latest when ctx ends.
func (k *storedBatch) wait(ctx context.Context) error {
	d := k.delivery
	stored, err := k.waitStored(ctx)
	if !stored || k.storeOnly {
		return err
	}
	if d.over.isGiven() { // a decided outcome comes before the end of ctx
		k.final.Store(true)
		return d.outcome()
	}
	if k.spool.enter(k) {
		defer k.spool.exit(k)
		k.lookUp()
	} else {
		d.endWaiting(ErrClosed)
	}
	if d.over.wait(ctx) {
		k.final.Store(true)
		return d.outcome()
	}
	return d.outcomeAt(ctx)
}

// waitStored reports whether the batch is stored, at the latest when ctx ends.
// The error is the outcome if it is not.
func (k *storedBatch) waitStored(ctx context.Context) (stored bool, err error) {
	select {
	case <-k.ticket.Done():
	default:
		select {
		case <-k.ticket.Done():
		case <-ctx.Done():
			return false, k.delivery.outcomeBecause(fmt.Errorf("storing: %w", k.spool.whyNow(ctx)))
		}
	}
	err = k.ticket.Wait(ctx)
	if err == nil {
		k.delivery.setStored()
		return true, nil
	}
	outcome := producer.Unknown
	if errors.As(err, new(*spoolstore.NotStoredError)) {
		outcome = producer.NotSent
	}
	k.final.Store(true)
	for i := range k.delivery.messages {
		k.delivery.settleStored(i, producer.Result{
			Outcome: outcome, Partition: -1, Offset: -1, Err: fmt.Errorf("spool: %w", err),
		})
	}
	return false, k.delivery.outcome()
}

// lookUp settles the messages that ended while no caller waited: only the store
// knows of them.
func (k *storedBatch) lookUp() {
	for i := range k.delivery.messages {
		r, pending, refused := k.spool.state(k, i)
		switch {
		case pending:
		case refused:
			k.delivery.settleStored(i, producer.Result{
				Outcome: producer.Unknown, Partition: -1, Offset: -1, Err: &refusedError{r},
			})
		default:
			k.delivery.settleStored(i, producer.Result{Outcome: producer.Acknowledged, Partition: -1, Offset: -1})
		}
	}
}

// A refusedError is the refusal of a message as the spool has kept it.
type refusedError struct{ refusal spoolstore.Refusal }

// Error returns the reason.
func (e *refusedError) Error() string { return "refused, and kept by the spool: " + e.refusal.Reason }

// storedInfo describes how a stored batch ended, of which no more is known than
// what the spool has kept.
// topic is its name if there are several.
func storedInfo(e *drain.Ended, topic string, explain func(error) error) ForwardInfo {
	info := ForwardInfo{SpoolID: e.First, Duration: time.Since(e.Accepted)}
	failed := &DeliveryError{Messages: e.Messages}
	for _, r := range e.Results {
		if r.Outcome == producer.Acknowledged {
			info.Messages = append(info.Messages, Message{Topic: topic, Partition: r.Partition, Offset: r.Offset, Bytes: r.Bytes})
			continue
		}
		failed.Failures = append(failed.Failures, Failure{
			Message: r.Index - e.From, Outcome: Outcome(r.Outcome), Topic: topic, Partition: r.Partition, Err: explain(r.Err),
		})
	}
	if len(failed.Failures) > 0 {
		info.Err = failed
	}
	return info
}

func storedHeaders(list []producer.Header) []spoolstore.Header {
	if len(list) == 0 {
		return nil
	}
	stored := make([]spoolstore.Header, len(list))
	for i, h := range list {
		stored[i] = spoolstore.Header(h)
	}
	return stored
}
