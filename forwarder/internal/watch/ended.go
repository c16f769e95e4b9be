package watch

import (
	"context"
	"log/slog"
	"maps"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// Ended says how the wait of one partition has ended.
type Ended struct {
	Partition    int32         // AnyPartition: the topic's partitions were not known
	Since        time.Time     // as the first Info of the wait had it
	Duration     time.Duration // until a round saw that it had ended
	Cause        error         // of the last Info
	Acknowledged bool          // false: nothing is left that could wait
}

// endWaits ends the waits that are not in list. A partition leaves the producer's
// list just before its acknowledgement is told here, so that a wait without one
// ends a round later, unless there is one by then.
func (w *Watcher) endWaits(list []producer.Waiting) {
	if len(w.waits) == 0 {
		w.isNew = w.isNew || len(list) == 0
		return
	}
	listed := make(map[int32]bool, len(list))
	for _, l := range list {
		listed[l.Partition] = true
	}
	expected := w.expectedAcknowledgements()
	now := time.Now()
	rest := maps.Clone(w.waits)
	var ended []Ended
	for partition, n := range w.waits {
		acknowledged := expected[partition].isSeen()
		switch {
		case listed[partition] && n.gone.IsZero():
		case acknowledged || !n.gone.IsZero():
			delete(rest, partition)
			ended = append(ended, n.end(now, acknowledged))
		default:
			left := *n
			left.gone = now
			rest[partition] = &left
		}
	}
	before, began := w.waits, w.began // only rounds write them
	w.setWaits(rest)
	w.tellEnded(w.ctx, ended)
	if len(rest) == 0 {
		w.endLast(before, began, now)
	}
}

func (a *acknowledgement) isSeen() bool { return a != nil && a.seen.Load() }

// end describes the end of n, now unless it was found before.
func (n *wait) end(now time.Time, acknowledged bool) Ended {
	if !n.gone.IsZero() {
		now = n.gone
	}
	return Ended{Partition: n.info.Partition, Since: n.began, Duration: now.Sub(n.began), Cause: n.info.Cause, Acknowledged: acknowledged}
}

func (w *Watcher) tellEnded(ctx context.Context, ended []Ended) {
	for _, e := range ended {
		w.resumed = w.resumed || e.Acknowledged
		if w.Resumed != nil {
			apart(func() { w.Resumed(ctx, e) })
		}
	}
}

// endLast notes that nothing waits any longer since waits, the first of which began
// then: all that waited was acknowledged,
// refused, or withdrawn by its callers. If nothing of it was acknowledged, the
// same wait is logged again as soon as it begins again.
func (w *Watcher) endLast(waits map[int32]*wait, began, now time.Time) {
	w.acknowledged.Store(nil)
	w.mu.Lock()
	if !w.resumed {
		for _, n := range waits {
			delete(w.lastLogs, n.key)
		}
	}
	w.mu.Unlock()
	text := "nothing waits any more"
	if w.resumed {
		text = "delivery resumed"
	}
	logged := w.logged
	w.isNew, w.logged, w.resumed = true, false, false
	if logged {
		w.Logger.InfoContext(w.ctx, text, slog.String("after", InUnits(now.Sub(began))))
	}
}

// endAll ends all waits, once the producer has settled everything.
func (w *Watcher) endAll() {
	expected := w.expectedAcknowledgements()
	now := time.Now()
	var ended []Ended
	for partition, n := range w.waits {
		ended = append(ended, n.end(now, expected[partition].isSeen()))
	}
	w.setWaits(nil)
	w.tellEnded(context.WithoutCancel(w.ctx), ended)
}
