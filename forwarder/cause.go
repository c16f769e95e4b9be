package forwarder

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/deliver"
)

// because is why ctx ended and, if delivery to a partition waits for anything,
// for what.
func (w *watcher) because(ctx context.Context, partition int32) error {
	return w.explainer(ctx)(partition)
}

// explainer looks now at what waits, and says later why ctx ended and, if
// delivery to a partition was waiting, for what.
func (w *watcher) explainer(ctx context.Context) func(partition int32) error {
	cause := w.causes()
	return func(partition int32) error {
		why := ended(ctx)
		if c := cause(partition); c != nil {
			return fmt.Errorf("%w: delivery waits: %w", why, c)
		}
		return why
	}
}

// causes is what is known now: what the last round found or, when nobody has
// waited for one, what the producer says.
func (w *watcher) causes() func(partition int32) error {
	w.mu.Lock()
	waits := w.waits
	w.mu.Unlock()
	if len(waits) > 0 {
		return func(partition int32) error {
			for p, t := range waits {
				if p == partition || p == anyPartition || partition == anyPartition {
					return t.info.Cause
				}
			}
			return nil
		}
	}
	list := w.asks()
	return func(partition int32) error {
		for _, l := range list {
			if l.Cause != nil && (l.Partition == partition || partition == anyPartition) {
				return l.Cause
			}
		}
		return nil
	}
}

// asks asks the producer, but not anew for each of thousands of calls whose
// deadline is the same.
func (w *watcher) asks() []deliver.Waiting {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.askedAt.IsZero() || time.Since(w.askedAt) >= askAgain {
		w.asked, w.askedAt = w.ask(0), time.Now()
	}
	return w.asked
}

// ask asks the producer what has waited for so long.
func (w *watcher) ask(patience time.Duration) []deliver.Waiting {
	list := w.producer.Waiting(patience)
	for i := range list {
		list[i].Cause = w.explain(list[i].Cause)
	}
	return list
}

// kind tells causes apart that differ in more than a port number.
func kind(err error) string {
	switch e := err.(type) { //nolint:errorlint // the tree is walked by hand
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			return kind(inner)
		}
	case interface{ Unwrap() []error }:
		var kinds []string
		for _, inner := range e.Unwrap() {
			kinds = append(kinds, kind(inner))
		}
		slices.Sort(kinds) // servers are asked in any order
		return strings.Join(slices.Compact(kinds), "\n")
	}
	return err.Error()
}
