package forwarder

import (
	"context"
	"errors"
	"time"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/partition"
	"github.com/eventferry/eventferry/settings"
)

// Explain says what [Forwarder.Forward] would do with b under these settings and
// options, and why, without any connection: what each filter and switch drops and
// edits, and the messages that would leave. It changes nothing in b.
//
// The filters, and the functions of [WithHeaders], run as they do in Forward, with
// all that they do besides, such as calling a quarantine. Explanation.Err is the
// error that Forward would return before it sends anything; the error of Explain is
// that of [New] about mistakes in settings and options, or about a nil batch.
// [WithPartitionCount] and [WithValues] add to the explanation. With
// [WithExplainedRoutes] it is that of a forwarder of [NewRoutes]. With windows,
// Explanation.Window says how long the batch would wait, and the messages are those that
// it would be by itself. Explain runs on the caller's goroutine and may be called by
// several at once.
func Explain(ctx context.Context, s settings.Settings, b *batch.Batch, opts ...Option) (Explanation, error) {
	x, err := newExplainer(s, opts)
	if err != nil {
		return Explanation{}, err
	}
	if b == nil || b.Size() == 0 {
		return Explanation{}, errNilBatch
	}
	return x.explain(ctx, b), nil
}

// An explainer runs the pipeline of a forwarder and notes what each step does.
type explainer struct {
	pipeline   *pipeline
	values     bool
	partitions int32
	window     time.Duration // 0: batches leave by themselves
	hashes     []namedHash
}

// A namedHash places users.
type namedHash struct {
	name  string
	place partition.Func
	used  bool
}

func newExplainer(s settings.Settings, opts []Option) (*explainer, error) {
	o := newOptions(opts)
	var r *router
	var mistakes error
	if o.explainRoutes != nil {
		r, mistakes = o.router(s, o.explainRoutes)
		s.TopicName = anyTopic
	}
	s, err := o.validSettings(s)
	if err := errors.Join(mistakes, err); err != nil {
		return nil, err
	}
	x := &explainer{pipeline: newPipeline(s, o.filters, o.headers...), values: o.explainValues, partitions: o.explainPartitions, window: o.windowLength(s)}
	if r != nil {
		x.pipeline.useRouter(r)
	}
	for name, place := range map[settings.Partitioner]partition.Func{
		settings.Murmur2: partition.Murmur2, settings.FNV1a: partition.FNV1a, settings.CRC32: partition.CRC32,
	} {
		x.hashes = append(x.hashes, namedHash{string(name), place, o.partitioner == nil && s.Delivery.Partitioner == name})
	}
	if o.partitioner != nil {
		x.hashes = append(x.hashes, namedHash{"WithPartitioner", o.partitioner, true})
	}
	return x, nil
}

// explain follows what Forward does between the call and the producer.
func (x *explainer) explain(ctx context.Context, b *batch.Batch) Explanation {
	own := b.Clone()
	r := newStepRecorder(own, x.values)
	p := *x.pipeline
	p.filters = r.wrap(p.filters)
	e := Explanation{Batch: b.String()}
	e.Dropped, e.Err = p.filter(ctx, own)
	e.Events, e.Edits = r.events, r.edits
	if n := len(e.Dropped); e.Err == nil && n > 0 && e.Dropped[n-1].Batch {
		e.keepNone(own, e.Dropped[n-1].Filter, e.Dropped[n-1].Reason)
		return e
	}
	var o outline
	if e.Err == nil {
		var headers []producer.Header
		if headers, e.Err = makeHeaders(ctx, p.headers, own); e.Err == nil {
			e.Err = p.measureAll(own.Clone(), headers, &o) // routes divide it, which drops nothing
		}
	}
	if e.Err != nil {
		e.keepNone(own, failedStep(e.Err), reasonNotSent)
		return e
	}
	e.describe(x, &o)
	if x.window > 0 {
		e.Window = plannedWindow(x.window, b, &o)
	}
	return e
}

// reasonNotSent stands beside events of a batch of which nothing is sent because
// of an error.
const reasonNotSent = "nothing of the batch is sent"

// failedStep names the filter or the setting behind an error.
func failedStep(err error) string {
	if f, ok := errors.AsType[*FilterError](err); ok {
		return f.Name
	}
	if _, ok := errors.AsType[*HeaderError](err); ok {
		return "WithHeaders"
	}
	if e, ok := errors.AsType[*TooLargeError](err); ok && e.Event < 0 {
		return "delivery.max_buffered_bytes"
	}
	return "delivery.max_message_bytes"
}

// keepNone notes that the events that are left are not sent.
func (e *Explanation) keepNone(own *batch.Batch, filter, reason string) {
	for _, event := range own.Events() {
		if at := &e.Events[event.Index()]; at.Kept {
			at.Kept, at.Filter, at.Reason = false, filter, reason
		}
	}
}

// describe fills in the messages.
func (e *Explanation) describe(x *explainer, o *outline) {
	e.Key = string(o.key())
	if x.partitions > 0 && o.key() != nil {
		for _, h := range x.hashes {
			e.Partitions = append(e.Partitions, Placement{Hash: h.name, Partition: h.place(o.key(), x.partitions), Used: h.used})
		}
		sortPlacements(e.Partitions)
	}
	var planned []PlannedHeader
	for _, h := range o.headers {
		p := PlannedHeader{Key: h.Key, Bytes: len(h.Value)}
		if x.values {
			p.Value = string(h.Value)
		}
		planned = append(planned, p)
	}
	e.plan(x, o, planned)
	for i := range o.others {
		e.plan(x, &o.others[i], planned)
	}
}

// plan adds the messages for one topic.
func (e *Explanation) plan(x *explainer, o *outline, planned []PlannedHeader) {
	topic := ""
	if r := x.pipeline.router; r != nil {
		topic = r.topics[o.topic]
	}
	var left []int
	for _, event := range o.batch.Events() {
		left = append(left, event.Index())
	}
	for _, m := range o.encode(make([]byte, 0, o.valueBytes()), nil) {
		e.Messages = append(e.Messages, PlannedMessage{
			Topic:   topic,
			Events:  left[m.firstEvent : m.firstEvent+m.events : m.firstEvent+m.events],
			Bytes:   len(m.value),
			Size:    m.record().Size(),
			Part:    m.part,
			Headers: planned,
		})
	}
}
