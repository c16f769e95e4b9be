package engine

import (
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// Waiting implements [producer.Producer].
func (e *Engine) Waiting(patience time.Duration) []producer.Waiting {
	now := time.Now()
	before := now.Add(-patience)
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []producer.Waiting
	if !e.unplaced.submissions.empty() && !e.unplaced.since.After(before) {
		list = append(list, producer.Waiting{
			Partition: -1, Since: e.unplaced.since, Cause: e.metadata.failure, Next: "asking the brokers for the topic",
		})
	}
	for _, p := range e.partitions {
		if p.undecided() && !p.waitingSince.After(before) {
			w := producer.Waiting{Partition: p.id, Since: p.waitingSince}
			w.Next, w.Cause = e.waitReasonLocked(p, now)
			list = append(list, w)
		}
	}
	return list
}

// waitReasonLocked returns what is tried next for p, and why it waits.
func (e *Engine) waitReasonLocked(p *topicPartition, now time.Time) (next string, cause error) {
	w := p.leader
	switch {
	case w == nil:
		if cause = p.cause; cause == nil || e.metadata.failure != nil {
			cause = e.noLeaderCauseLocked(p)
		}
		return "asking the brokers for the partition's leader", cause
	case p.producer.id == noProducerID:
		return "asking the brokers for a producer id", e.producerIDs.failure
	case p.askedForLog:
		return "asking " + w.String() + " what of it was written", p.cause
	case p.inFlight:
		if asked := e.workers[p.lastBroker]; asked != nil && len(asked.inFlight) > 0 { // another may lead by now
			w = asked
		}
		return "the answer of " + w.String() + w.askedAgoLocked(now), p.cause
	case w.cause != nil && w.conn != nil && !w.broken:
		return "sending to " + w.String() + inDuration(w.notBefore.Sub(now)), w.cause
	case w.cause != nil:
		return "connecting to " + w.String() + inDuration(w.notBefore.Sub(now)), w.cause
	case p.cause != nil:
		return "sending to " + w.String() + " again" + inDuration(p.notBefore.Sub(now)), p.cause
	case w.conn == nil:
		return "connecting to " + w.String(), nil
	default:
		return "sending to " + w.String(), nil
	}
}

// askedAgoLocked returns how long ago the oldest request in flight was sent, as a
// part of a sentence.
func (w *brokerWorker) askedAgoLocked(now time.Time) string {
	if len(w.inFlight) == 0 {
		return ""
	}
	return ", which was asked " + roundedDuration(w.inFlight.oldestFor(now)) + " ago"
}

func inDuration(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return " in " + roundedDuration(d)
}

func roundedDuration(d time.Duration) string { return d.Round(10 * time.Millisecond).String() }
