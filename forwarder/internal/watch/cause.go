package watch

import (
	"context"
	"fmt"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/ctxwait"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// Err returns why ctx ended and, if delivery to a partition waits, for what.
func (w *Watcher) Err(ctx context.Context, partition int32) error {
	return w.ErrLater(ctx)(partition)
}

// Cause returns what delivery to a partition waits for; nil: it does not, or that is
// not known.
func (w *Watcher) Cause(partition int32) error { return w.knownCauses()(partition) }

// ErrLater looks now at what waits. The function that it returns says why ctx
// ended and, if delivery to a partition was waiting at that time, for what.
func (w *Watcher) ErrLater(ctx context.Context) func(partition int32) error {
	causeOf := w.knownCauses()
	return func(partition int32) error {
		err := ctxwait.Err(ctx)
		if cause := causeOf(partition); cause != nil {
			return fmt.Errorf("%w: delivery waits: %w", err, cause)
		}
		return err
	}
}

// knownCauses returns what the last round found or, when nothing has waited for
// long enough to be found by one, what the producer says.
func (w *Watcher) knownCauses() func(partition int32) error {
	w.mu.Lock()
	waits := w.waits
	w.mu.Unlock()
	list := make([]producer.Waiting, 0, len(waits))
	for _, n := range waits {
		if n.gone.IsZero() {
			list = append(list, producer.Waiting{Partition: n.info.Partition, Since: n.info.Since, Cause: n.info.Cause})
		}
	}
	if len(list) == 0 {
		list = w.producerWaitingCached()
	}
	return func(partition int32) error { return longestWait(list, partition) }
}

// longestWait returns the cause for a partition. Messages without a partition
// wait for what any of them waits for, and any of them for what those wait for:
// then it is the cause that has lasted longest, of equals that of the lowest
// partition.
func longestWait(list []producer.Waiting, partition int32) error {
	var longest *producer.Waiting
	for i, l := range list {
		switch {
		case l.Cause == nil:
		case l.Partition == partition && partition != AnyPartition:
			return l.Cause
		case l.Partition != AnyPartition && partition != AnyPartition: // of another one
		case longest == nil, l.Since.Before(longest.Since),
			l.Since.Equal(longest.Since) && l.Partition < longest.Partition:
			longest = &list[i]
		}
	}
	if longest == nil {
		return nil
	}
	return longest.Cause
}

// producerWaitingCached asks the producer, but not anew for each of thousands of
// calls whose deadline is the same.
func (w *Watcher) producerWaitingCached() []producer.Waiting {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.producerAnswerAt.IsZero() || time.Since(w.producerAnswerAt) >= producerAnswerValid {
		w.producerAnswer, w.producerAnswerAt = w.producerWaiting(0), time.Now()
	}
	return w.producerAnswer
}

// producerWaiting asks the producer what has waited for so long.
func (w *Watcher) producerWaiting(threshold time.Duration) []producer.Waiting {
	list := w.Waiting(threshold)
	for i := range list {
		list[i].Cause = w.Explain(list[i].Cause)
	}
	return list
}
