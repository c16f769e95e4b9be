package judge

import (
	"fmt"
	"slices"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/trace"
)

// outcomeLocked adds what a caller or the observer was told of an attempt.
func (h *history) outcomeLocked(a *attempt, r *trace.Record, busy bool) {
	if r.Kind == trace.Settled {
		switch r.Cause {
		case load.Doubted:
			a.doubted = true
			return
		case load.Full: // that of one post
			h.causes[r.Cause]++
			return
		}
	}
	at := attemptID{r.Owner, r.N}
	old := h.outcomes(at, a)
	switch r.Kind {
	case trace.Return:
		if a.ret != 0 {
			h.contradictLocked(r, "returned twice")
		}
		a.ret, a.until = h.position, milliseconds(r.At)
		h.totals.Returned++
		if h.spool != nil && a.life != h.life {
			h.spool.answeredLocked(r)
		}
		if r.Cause != "" {
			h.causes[r.Cause]++
		}
		switch r.Cause {
		case "producer":
			h.failed = append(h.failed, at)
		case "deadline", "cancelled", load.Full:
			h.totals.LatestReturn = max(h.totals.LatestReturn, r.At-time.Duration(a.since)*time.Millisecond-load.MaxShortDeadline)
		}
	case trace.Late:
		h.totals.LateOutcomes++
	default: // told by the observer, perhaps before Wait
	}
	if r.Kind != trace.Return && a.ret == 0 && r.Kind == trace.Late {
		h.contradictLocked(r, "late before it returned")
	}
	if r.Kind == trace.Return && len(r.Messages) > 0 && r.Messages[0].Outcome != trace.Acknowledged {
		a.later = true
	}
	if slices.ContainsFunc(r.Messages, isStored) && !a.stored {
		a.stored = true
		h.totals.Stored++
		if len(old) > 0 && old[0].Outcome != trace.Unknown {
			return // its end was told before
		}
	}
	merged := make([]trace.Message, len(r.Messages))
	for i, m := range r.Messages {
		merged[i] = m
		if i >= len(old) {
			continue
		}
		// The observer may be told a late outcome before the caller has written
		// down that it was unknown at first.
		early := r.Kind == trace.Return && m.Outcome == trace.Unknown
		if h.spool != nil && r.Kind == trace.Settled && old[i].Outcome == trace.Acknowledged && m.Outcome == trace.Unknown {
			early = true // the mark of its end was lost with the process, and brokers have forgotten its numbers
			h.spool.revised = append(h.spool.revised, at)
		}
		if decided(old[i].Outcome) && m.Outcome != old[i].Outcome && !early {
			h.contradictLocked(r, fmt.Sprintf("message %d was %s, now %s", i, old[i].Outcome, m.Outcome))
		}
		if decided(old[i].Outcome) && (m.Offset < 0 || m.Outcome != old[i].Outcome) {
			merged[i] = old[i]
		}
	}
	h.setLocked(at, a, merged)
	h.countLocked(a, r, old, merged, busy)
}

func isStored(m trace.Message) bool { return m.Outcome == trace.Stored }

func decided(o trace.Outcome) bool { return o == trace.Acknowledged || o == trace.NotSent }

func (h *history) contradictLocked(r *trace.Record, what string) {
	h.contradictions = append(h.contradictions, fmt.Sprintf("owner %d number %d: %s: %s", r.Owner, r.N, r.Kind, what))
}

// outcomes is what is known of each message of an attempt. Callers hold the
// lock, or the history is complete.
func (h *history) outcomes(at attemptID, a *attempt) []trace.Message {
	switch {
	case a.several:
		return h.parts[at]
	case a.outcome == trace.Open:
		return nil
	default:
		return []trace.Message{{Outcome: a.outcome, Partition: int32(a.first), Offset: int64(a.offset)}}
	}
}

func (h *history) setLocked(at attemptID, a *attempt, ms []trace.Message) {
	if len(ms) == 0 {
		return // an acknowledged batch that became no message
	}
	if a.several = len(ms) > 1; a.several {
		h.parts[at] = ms
		a.outcome = trace.Unknown // not of use
		return
	}
	a.outcome, a.first, a.offset = ms[0].Outcome, int16(ms[0].Partition), int32(ms[0].Offset) //nolint:gosec // small
}

func (h *history) countLocked(a *attempt, r *trace.Record, old, now []trace.Message, busy bool) {
	count := func(ms []trace.Message, o trace.Outcome) (n int) {
		for _, m := range ms {
			if m.Outcome == o {
				n++
			}
		}
		return n
	}
	t := &h.totals
	acked := count(now, trace.Acknowledged) - count(old, trace.Acknowledged)
	t.Acknowledged += acked
	t.NotSent += count(now, trace.NotSent) - count(old, trace.NotSent)
	t.Unknown += count(now, trace.Unknown) - count(old, trace.Unknown)
	if acked == 0 {
		return
	}
	if busy {
		t.AckedInFaults += acked
	}
	if !a.several {
		t.Events += h.params.Events(a.id)
		if a.offset < 0 && r.Kind == trace.Return {
			t.Duplicated++ // the broker said only that it has it already
		}
	}
	t.LongestPause = max(t.LongestPause, r.At-h.late)
	h.late = max(h.late, r.At)
	t.LongestBatch = max(t.LongestBatch, r.At-time.Duration(a.since)*time.Millisecond)
}
