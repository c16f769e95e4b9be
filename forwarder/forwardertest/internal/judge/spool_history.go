package judge

import (
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/trace"
)

// A spoolHistory is what a history keeps of stored batches.
type spoolHistory struct {
	attempts map[uint64]attemptID    // by the batch's number in the spool
	early    map[uint64]trace.Record // ends that were told before the call had returned
	held     map[attemptID]uint64    // events in the refused part, in bits
	refused  []refusal
	doubts   []doubt
	revised  []attemptID // acknowledged, and a later life says that it is not known
	again    again
}

// A doubt is what the observer was told of messages that may be in Kafka.
type doubt struct {
	partition int32 // -1: not known
	messages  int
}

// A refusal is one message in the refused part of the spool.
type refusal struct {
	attemptID
	at     time.Duration // since the run began
	reason string
}

// An again counts what was posted again after a kill.
type again struct {
	answered   int // 2xx
	recognised int // of those, were stored by a former life
}

// answeredLocked counts the answer to an attempt of a former life.
func (s *spoolHistory) answeredLocked(r *trace.Record) {
	if len(r.Messages) == 0 || r.Messages[0].Outcome != trace.Stored {
		return
	}
	s.again.answered++
	if r.SpoolID == 0 { // this life has not stored it
		s.again.recognised++
	}
}

func newSpoolHistory() *spoolHistory {
	return &spoolHistory{attempts: map[uint64]attemptID{}, early: map[uint64]trace.Record{}, held: map[attemptID]uint64{}}
}

// placeLocked names the attempt of a record that has only the batch's number in the
// spool. It reports whether r can be taken now.
func (s *spoolHistory) placeLocked(r *trace.Record) bool {
	if r.Owner >= 0 {
		return true
	}
	at, known := s.attempts[r.SpoolID]
	if !known { // a process that is killed has not told of all that it has stored
		s.early[r.SpoolID] = *r
		return false
	}
	r.Owner, r.N = at.owner, at.n
	return true
}

// returnedLocked notes the number of a stored batch. It returns its end, if that was
// told before.
func (s *spoolHistory) returnedLocked(r *trace.Record) (early trace.Record, ok bool) {
	if s == nil || r.Kind != trace.Return || r.SpoolID == 0 {
		return trace.Record{}, false
	}
	at := attemptID{r.Owner, r.N}
	s.attempts[r.SpoolID] = at
	early, ok = s.early[r.SpoolID]
	delete(s.early, r.SpoolID)
	early.Owner, early.N = at.owner, at.n
	return early, ok
}

func (s *spoolHistory) heldLocked(r *trace.Record) {
	at := attemptID{r.Owner, r.N}
	s.held[at] |= bits(r.From, r.To)
	s.refused = append(s.refused, refusal{at, time.Duration(r.Hash), r.Way}) //nolint:gosec // as written
}

// bits has one for each event.
func bits(from, to int) uint64 { return uint64(1)<<to - uint64(1)<<from }

// lifeOf is the life that an attempt is ordered in: with a spool, order holds over
// all lives.
func (h *history) lifeOf(a *attempt) uint16 {
	if h.spool != nil {
		return 0
	}
	return a.life
}

// readyLocked is called when a life is connected. Without a spool no progress is
// expected of it before.
func (h *history) readyLocked(r *trace.Record) {
	const found = 2
	if h.spool == nil || h.late == 0 {
		h.late = r.At
	}
	if len(r.Values) == found {
		h.totals.Resumed += int(r.Values[0])
		h.totals.Stranded += int(r.Values[1])
	}
}
