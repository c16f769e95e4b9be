package forwarder

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/filters"
	"github.com/eventferry/eventferry/forwarder/internal/ctxwait"
	"github.com/eventferry/eventferry/settings"
)

// A namedFilter is one step of the pipeline, a caller's or one of the switches.
type namedFilter struct {
	name   string
	filter batch.Filter
	caller bool // not one of the switches, so it may take its time
}

// settingsFilters builds the filters of s. Text that is no list is left to
// Validate.
func settingsFilters(s settings.Settings) ([]namedFilter, error) {
	var list []namedFilter
	if s.Filters.Check() == nil {
		built, err := filters.Parse(s.Filters)
		if err != nil {
			return nil, err
		}
		for _, f := range built {
			list = append(list, namedFilter{name: f.Name, filter: f.Filter, caller: true})
		}
	}
	return list, nil
}

func (n namedFilter) check() error {
	if n.name == "" {
		return errors.New("forwarder: a filter has no name")
	}
	f, isFunc := n.filter.(batch.FilterFunc)
	if n.filter == nil || isFunc && f == nil {
		return fmt.Errorf("forwarder: filter %q is nil", n.name)
	}
	if err := filters.Check(n.filter); err != nil {
		return fmt.Errorf("forwarder: filter %q: %w", n.name, err)
	}
	return nil
}

// runFilters runs the filters of the list from the one at first on, until one drops
// events or returns an error. It returns the position of that one, or the length of
// the list. A panic in a filter fails this call only. It is recovered here, once for
// all filters, since guarding each by itself costs as much as most of them do.
func runFilters(ctx context.Context, b *batch.Batch, list []namedFilter, first int) (at int, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{value: v, stack: debug.Stack()}
		}
	}()
	seen := len(b.Dropped())
	for at = first; at < len(list); at++ {
		err = list[at].run(ctx, b)
		if err != nil || len(b.Dropped()) > seen {
			return at, err
		}
	}
	return at, nil
}

// run calls the filter once. A caller's filter is not called once ctx has ended, and
// fails when ctx ends in it, unless it has decided to drop the batch.
func (n *namedFilter) run(ctx context.Context, b *batch.Batch) error {
	if !n.caller {
		return n.filter.Filter(ctx, b)
	}
	if ctx.Err() != nil {
		return ctxwait.Err(ctx)
	}
	err := n.filter.Filter(ctx, b)
	if ctx.Err() == nil || errors.Is(err, ctx.Err()) {
		return err
	}
	if err == nil {
		return ctxwait.Err(ctx)
	}
	if _, drop := batch.DropReason(err); drop {
		return err
	}
	return fmt.Errorf("%w: %w", ctxwait.Err(ctx), err)
}
