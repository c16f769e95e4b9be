package load

import (
	"context"
	"errors"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/trace"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// A task is a batch to be sent: a new one, or one that came back.
type task struct {
	id       uint32
	rest     *batch.Batch // what is left of it; nil: all
	from, to int          // the events in rest
}

// An attempt is one batch at one call.
type attempt struct {
	task
	owner *owner
	n     uint32
	batch *batch.Batch
	data  []byte
	posts int // at a door, that were not the last

	storeOnly bool // the call waits for the disk only

	// Told by the observer:
	acked   []forwarder.Message
	spoolID uint64
}

func (a *attempt) body() []byte { return a.data }

func (a *attempt) postAgain() { a.posts++ }

// attempt gives a task the owner's next number.
func (o *owner) attempt(t task, way string) (*attempt, trace.Record) {
	o.n++
	a := &attempt{task: t, owner: o, n: o.n, storeOnly: o.w.cfg.doorOnSpool()}
	switch p := o.w.cfg.Params; {
	case a.rest == nil:
		a.encode(0, p.Events(a.id))
	case p.Windows: // its number is in its events, too
		a.encode(a.from, a.to)
	default:
		a.batch = a.rest.Clone()
		if err := a.batch.At("judge", "n").Set(o.n); err != nil {
			panic(err) // it is there
		}
		a.data = a.batch.AppendJSON(nil)
	}
	return a, trace.Record{Kind: trace.Invoke, Owner: o.index, N: a.n, ID: a.id, From: a.from, To: a.to, Way: way, Hash: Hash(a.data)}
}

// encode makes the bytes of a batch with these events.
func (a *attempt) encode(from, to int) {
	a.data = a.owner.w.cfg.Append(nil, Batch{Owner: a.owner.index, N: a.n, ID: a.id}, from, to)
	b, err := batch.Parse(a.data)
	if err != nil {
		panic(err) // our own bytes
	}
	a.batch = b
}

// events are those of the attempt.
func (a *attempt) events() (from, to int) {
	if a.rest != nil {
		return a.from, a.to
	}
	return 0, a.owner.w.cfg.Events(a.id)
}

// checkNames writes down that an outcome names a wrong topic.
func (a *attempt) checkNames(err error) {
	w := a.owner.w
	if !w.cfg.Routed() {
		return
	}
	from, to := a.events()
	if !(answer{a.acked, err}).names(w.cfg.topicsOf(a.id, from, to, w.topic), w.cfg.Defect) {
		w.write(trace.Record{Kind: trace.Settled, Owner: a.owner.index, N: a.n, Cause: Misnamed})
	}
}

// outcomes is what err and the observer say of each message.
func outcomes(err error, acked []forwarder.Message) []trace.Message {
	var d *forwarder.DeliveryError
	switch {
	case err == nil:
		d = &forwarder.DeliveryError{Messages: len(acked)}
	case errors.As(err, &d):
	case forwarder.NothingSent(err):
		return []trace.Message{{Outcome: trace.NotSent, Partition: -1, Offset: -1}}
	default:
		return []trace.Message{{Outcome: trace.Unknown, Partition: -1, Offset: -1}}
	}
	all := make([]trace.Message, d.Messages)
	for i := range all {
		all[i] = trace.Message{Outcome: trace.Acknowledged, Partition: -1, Offset: -1}
	}
	for _, f := range d.Failures {
		all[f.Message] = trace.Message{Outcome: trace.Unknown, Partition: f.Partition, Offset: -1}
		switch f.Outcome {
		case forwarder.NotSent:
			all[f.Message].Outcome = trace.NotSent
		case forwarder.Stored:
			all[f.Message].Outcome = trace.Stored
		case forwarder.Unknown:
		}
	}
	for i := range all {
		if all[i].Outcome == trace.Acknowledged && len(acked) > 0 {
			all[i].Partition, all[i].Offset = acked[0].Partition, acked[0].Offset
			acked = acked[1:]
		}
	}
	return all
}

// Full is the cause of a batch for which the spool has no room.
const Full = "full"

// cause names the kind of an error.
func cause(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, spool.ErrFull):
		return Full
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, forwarder.ErrClosed):
		return "closed"
	}
	if _, ok := errors.AsType[*forwarder.TooLargeError](err); ok {
		return "too large"
	}
	return "producer"
}
