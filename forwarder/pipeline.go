package forwarder

import (
	"context"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/settings"
)

// A pipeline filters and measures batches, before they are accepted. It never
// changes once it is made.
type pipeline struct {
	filters         []namedFilter
	headers         []headerFunc
	router          *router // nil: there is one topic
	messagePerEvent bool
	maxMessage      int   // bytes that one message may count for
	maxBuffer       int64 // bytes that all messages of a batch may count for
}

// newPipeline takes settings whose defaults are filled in. It lists all filters
// in the order of work: event types first, then the caller's, then those that
// remove members, so that a caller's filter may use data that must not leave and
// cannot put it back. A caller's filter may change the type of an event, so
// types are checked once more behind them.
func newPipeline(s settings.Settings, callers []namedFilter, headers ...headerFunc) *pipeline {
	filters := eventSwitches(s)
	if len(callers) > 0 {
		filters = append(filters, callers...)
		filters = append(filters, eventSwitches(s)...)
	}
	filters = append(filters, memberSwitches(s)...)
	filters = append(filters, eventlessSwitch(s)...)
	return &pipeline{
		filters:         filters,
		headers:         headers,
		messagePerEvent: s.SendAsBatch == settings.Off,
		maxMessage:      s.Delivery.MaxMessageBytes,
		maxBuffer:       s.Delivery.MaxBufferedBytes,
	}
}

// prepare filters a private copy of b and measures the result, in o, which is new: it
// is large, and would be copied by each function on the way. It has no batch if b was
// dropped, or after an error.
func (p *pipeline) prepare(ctx context.Context, b *batch.Batch, o *outline) ([]Dropped, error) {
	own := b.Clone()
	dropped, err := p.filter(ctx, own)
	if err != nil || len(dropped) > 0 && dropped[len(dropped)-1].Batch {
		return dropped, err
	}
	headers, err := makeHeaders(ctx, p.headers, own)
	if err != nil {
		return dropped, err
	}
	if err := p.measureAll(own, headers, o); err != nil {
		*o = outline{}
		return dropped, err
	}
	o.given = b.NumEvents()
	for i := range o.others {
		o.others[i].given = o.given
	}
	return dropped, nil
}

// useRouter makes the pipeline send the events to the topics of r. What no route
// takes is dropped last.
func (p *pipeline) useRouter(r *router) {
	p.router = r
	p.filters = append(p.filters, setting("routes", r.drop))
}

// measureAll measures what goes to each topic, in o, which is new, and of no use after
// an error. headers are of all messages.
func (p *pipeline) measureAll(own *batch.Batch, headers []producer.Header, o *outline) error {
	if p.router == nil {
		return p.measure(own, headers, o)
	}
	parts := p.router.split(own)
	others := make([]outline, len(parts)-1)
	total := int64(0)
	for i, part := range parts {
		at := o
		if i > 0 {
			at = &others[i-1]
		}
		if err := p.measure(part.batch, headers, at); err != nil {
			return err
		}
		at.topic = part.topic
		total += at.total
	}
	if limit := min(p.maxBuffer, maxInt); total > limit {
		return &TooLargeError{Event: -1, Size: total, Limit: limit}
	}
	if len(others) > 0 {
		o.others = others
	}
	return nil
}

// typicalDrops is a number of entries that a list of drops seldom exceeds.
const typicalDrops = 4

// filter runs the filters until one fails or drops the batch. In the second case
// the last entry of the list says so.
func (p *pipeline) filter(ctx context.Context, own *batch.Batch) ([]Dropped, error) {
	var dropped []Dropped
	for i := 0; i < len(p.filters); i++ {
		seen := len(own.Dropped())
		at, err := runFilters(ctx, own, p.filters, i)
		if at == len(p.filters) {
			break
		}
		i = at
		n := &p.filters[i]
		for _, d := range own.Dropped()[seen:] {
			if dropped == nil {
				dropped = make([]Dropped, 0, typicalDrops)
			}
			dropped = append(dropped, Dropped{Filter: n.name, Reason: d.Reason, Events: d.Events})
		}
		if reason, ok := batch.DropReason(err); ok {
			return append(dropped, Dropped{Filter: n.name, Reason: reason, Events: own.NumEvents(), Batch: true}), nil
		}
		if err != nil {
			return dropped, failed(n.name, err)
		}
	}
	return dropped, nil
}
