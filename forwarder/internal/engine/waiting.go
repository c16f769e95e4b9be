package engine

import (
	"fmt"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/deliver"
)

// Waiting implements [deliver.Producer].
func (e *Engine) Waiting(patience time.Duration) []deliver.Waiting {
	now := time.Now()
	before := now.Add(-patience)
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []deliver.Waiting
	if !e.unplaced.empty() && !e.since.After(before) {
		list = append(list, deliver.Waiting{
			Partition: -1, Since: e.since, Cause: e.directory.failure, Next: "asking the brokers for the topic",
		})
	}
	for _, q := range e.queues {
		if q.undecided() && !q.since.After(before) {
			w := deliver.Waiting{Partition: q.partition, Since: q.since}
			w.Next, w.Cause = e.whyLocked(q, now)
			list = append(list, w)
		}
	}
	return list
}

// whyLocked is what is tried next for q, and why it waits.
func (e *Engine) whyLocked(q *queue, now time.Time) (next string, cause error) {
	l := q.leader
	switch {
	case l == nil:
		if cause = q.cause; cause == nil || e.directory.failure != nil {
			cause = e.directory.missingLocked(q)
		}
		return "asking the brokers for the partition's leader", cause
	case q.producer.id == noProducer:
		return "asking the brokers for a producer id", e.ids.failure
	case q.flying:
		if asked := e.leaders[q.tried]; asked != nil && len(asked.air) > 0 { // another may lead by now
			l = asked
		}
		return "the answer of " + l.String() + l.askedLocked(now), q.cause
	case l.cause != nil && l.conn != nil && !l.broken:
		return "sending to " + l.String() + in(l.after.Sub(now)), l.cause
	case l.cause != nil:
		return "connecting to " + l.String() + in(l.after.Sub(now)), l.cause
	case q.cause != nil:
		return "sending to " + l.String() + " again" + in(q.after.Sub(now)), q.cause
	case l.conn == nil:
		return "connecting to " + l.String(), nil
	default:
		return "sending to " + l.String(), nil
	}
}

// askedLocked is since when an answer is due.
func (l *leader) askedLocked(now time.Time) string {
	if len(l.air) == 0 {
		return ""
	}
	return ", which was asked " + roughly(now.Sub(l.air[0].sent)) + " ago"
}

// String is the broker's id and address.
func (l *leader) String() string { return fmt.Sprintf("broker %d at %s", l.id, l.engine.brokers[l.id]) }

func in(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return " in " + roughly(d)
}

func roughly(d time.Duration) string { return d.Round(10 * time.Millisecond).String() }
