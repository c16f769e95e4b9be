package forwarder

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/settings"
)

// A pipeline turns a batch into messages: all that happens to it before it is
// accepted. It is never written to once it is made.
type pipeline struct {
	filters         []namedFilter
	messagePerEvent bool
	maxMessage      int   // bytes that one message may count for
	maxBuffer       int64 // bytes that all messages of a batch may count for
}

// newPipeline takes settings whose defaults are filled in. It lists all filters
// in the order of work: event types first, then the caller's, then what
// settings remove, so that a caller's filter may use what must not leave and
// cannot put it back. A caller's filter may change the type of an event, so
// types are checked once more behind them.
func newPipeline(s settings.Settings, callers []namedFilter) (*pipeline, error) {
	for _, c := range callers {
		if err := c.check(); err != nil {
			return nil, err
		}
	}
	filters := eventSwitches(s)
	if len(callers) > 0 {
		filters = append(filters, callers...)
		filters = append(filters, eventSwitches(s)...)
	}
	filters = append(filters, memberSwitches(s)...)
	filters = append(filters, eventlessSwitch(s)...)
	return &pipeline{
		filters:         filters,
		messagePerEvent: s.SendAsBatch == settings.Off,
		maxMessage:      s.Delivery.MaxMessageBytes,
		maxBuffer:       s.Delivery.MaxBufferedBytes,
	}, nil
}

// prepare filters a private copy of b and measures what is left. No delivery
// and no error means that the batch was dropped.
func (p *pipeline) prepare(ctx context.Context, b *batch.Batch) (*delivery, []Dropped, error) {
	own := b.Clone()
	dropped, err := p.filter(ctx, own)
	if err != nil {
		return nil, dropped, err
	}
	if len(dropped) > 0 && dropped[len(dropped)-1].Batch {
		return nil, dropped, nil
	}
	d := &delivery{batch: b, filtered: own}
	if d.outline, err = p.measure(own, d.key[:0]); err != nil {
		return nil, dropped, err
	}
	d.size = d.outline.total
	return d, dropped, nil
}

// usualDrops is how many entries a list of what was dropped has, and seldom more.
const usualDrops = 4

// filter runs the filters until one drops the batch, which its entry in the
// list then says, or fails.
func (p *pipeline) filter(ctx context.Context, own *batch.Batch) ([]Dropped, error) {
	var dropped []Dropped
	for _, n := range p.filters {
		seen := len(own.Dropped())
		err := n.run(ctx, own)
		for _, d := range own.Dropped()[seen:] {
			if dropped == nil {
				dropped = make([]Dropped, 0, usualDrops)
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

// A namedFilter is one step of the pipeline: the caller's filters and the
// settings' own are alike.
type namedFilter struct {
	name   string
	filter batch.Filter
	caller bool // it is the caller's, so it may take its time
}

func (n namedFilter) check() error {
	if n.name == "" {
		return errors.New("forwarder: a filter has no name")
	}
	f, isFunc := n.filter.(batch.FilterFunc)
	if n.filter == nil || isFunc && f == nil {
		return fmt.Errorf("forwarder: filter %q is nil", n.name)
	}
	return nil
}

// run calls the filter once. A panic in it fails this call only. A caller's
// filter is not called once ctx has ended, and fails when ctx ends in it,
// unless it has decided to drop the batch.
func (n namedFilter) run(ctx context.Context, b *batch.Batch) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{value: v, stack: debug.Stack()}
		}
	}()
	if !n.caller {
		return n.filter.Filter(ctx, b)
	}
	if ctx.Err() != nil {
		return ended(ctx)
	}
	err = n.filter.Filter(ctx, b)
	if ctx.Err() == nil || errors.Is(err, ctx.Err()) {
		return err
	}
	if err == nil {
		return ended(ctx)
	}
	if _, drop := batch.DropReason(err); drop {
		return err
	}
	return fmt.Errorf("%w: %w", ended(ctx), err)
}
