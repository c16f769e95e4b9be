package judge

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/trace"
)

// A history is what the process under test said of itself, all its lives long:
// on disk as it came, and in memory what checking needs, some 50 bytes for each
// attempt.
type history struct {
	params load.Params
	file   *os.File
	disk   *bufio.Writer

	mu       sync.Mutex
	owners   []log
	parts    map[place][]trace.Message // of attempts that became several messages
	spans    map[place][2]int          // of attempts with only some of a batch's events
	causes   map[string]int            // of returns, by kind
	marks    map[string]chan struct{}  // closed when the current life has written the mark
	vitals   []int64
	position uint32 // of the last record
	life     uint8
	lastID   uint32
	tally    tally
	late     time.Duration // of the last acknowledgement
	odd      []string      // records that contradict each other
}

// A place is one attempt: an owner and its number.
type place struct {
	owner int
	n     uint32
}

// A log is what one owner did, attempt by attempt.
type log struct{ attempts []attempt }

// An attempt is one batch at one call.
type attempt struct {
	hash    uint64
	id      uint32
	offset  int32  // -1: not known
	invoke  uint32 // position in the history
	ret     uint32 // 0: never returned
	since   uint32 // milliseconds, of invoke
	first   int16  // partition, -1: not known
	outcome trace.Outcome
	life    uint8
	several bool  // its outcome is in parts
	partial bool  // its events are in spans
	seen    uint8 // bits, of its messages that are in the log
	placed  uint8 // of those that are where they were reported to be
}

// A tally counts what happened.
type tally struct {
	Batches, Acknowledged, NotSent, Unknown, Returned, LateOutcomes int
	Events, AckedInFaults, Duplicated                               int
	LongestPause, LongestBatch                                      time.Duration
}

func newHistory(params load.Params, path string) (*history, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("judge: history: %w", err)
	}
	h := &history{
		params: params,
		file:   f,
		disk:   bufio.NewWriterSize(f, 1<<16),
		owners: make([]log, params.Owners()),
		parts:  map[place][]trace.Message{},
		spans:  map[place][2]int{},
		causes: map[string]int{},
	}
	h.begin()
	return h, nil
}

// begin starts the next life of the process under test.
func (h *history) begin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.life++
	h.marks = map[string]chan struct{}{}
	for _, name := range []string{load.MarkReady, load.MarkQuiet, load.MarkFresh, load.MarkEnd} {
		h.marks[name] = make(chan struct{})
	}
}

// mark is closed when the current life has come so far.
func (h *history) mark(name string) <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.marks[name]
}

// numbers are where the next life goes on.
func (h *history) numbers() (id uint32, owners []uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	owners = make([]uint32, len(h.owners))
	for i, o := range h.owners {
		owners[i] = uint32(len(o.attempts)) //nolint:gosec // fits
	}
	return h.lastID, owners
}

// take reads records until r ends. busy tells whether a fault is on.
func (h *history) take(r io.Reader, busy func() bool) error {
	records := trace.NewReader(r)
	var buf []byte
	for {
		rec, err := records.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		buf = trace.Append(buf[:0], &rec)
		if _, err := h.disk.Write(buf); err != nil {
			return fmt.Errorf("judge: history: %w", err)
		}
		if err := h.add(&rec, busy()); err != nil {
			return err
		}
	}
}

var errHistory = errors.New("judge: the history is not one")

func (h *history) add(r *trace.Record, busy bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.position++
	if r.Kind == trace.Mark {
		return h.markLocked(r)
	}
	if r.Owner < 0 || r.Owner >= len(h.owners) {
		return errHistory
	}
	o := &h.owners[r.Owner]
	if r.Kind == trace.Invoke {
		if int(r.N) != len(o.attempts)+1 {
			return fmt.Errorf("%w: owner %d invokes %d after %d", errHistory, r.Owner, r.N, len(o.attempts))
		}
		h.invokeLocked(o, r)
		return nil
	}
	if r.N == 0 || int(r.N) > len(o.attempts) {
		return errHistory
	}
	h.outcomeLocked(&o.attempts[r.N-1], r, busy)
	return nil
}

func (h *history) markLocked(r *trace.Record) error {
	ch, ok := h.marks[r.Name]
	if !ok {
		return fmt.Errorf("%w: mark %q", errHistory, r.Name)
	}
	if r.Name == load.MarkReady {
		h.late = r.At
	}
	h.vitals = r.Values
	close(ch)
	return nil
}

func (h *history) invokeLocked(o *log, r *trace.Record) {
	a := attempt{
		hash: r.Hash, id: r.ID, offset: -1, first: -1, life: h.life,
		invoke: h.position, since: uint32(r.At.Milliseconds()), //nolint:gosec // 49 days
	}
	if r.To > 0 {
		a.partial = true
		h.spans[place{r.Owner, r.N}] = [2]int{r.From, r.To}
	}
	h.lastID = max(h.lastID, r.ID)
	h.tally.Batches++
	o.attempts = append(o.attempts, a)
}

func (h *history) outcomeLocked(a *attempt, r *trace.Record, busy bool) {
	at := place{r.Owner, r.N}
	old := h.outcomes(at, a)
	switch r.Kind {
	case trace.Return:
		if a.ret != 0 {
			h.oddLocked(r, "returned twice")
		}
		a.ret = h.position
		h.tally.Returned++
		if r.Cause != "" {
			h.causes[r.Cause]++
		}
	case trace.Late:
		h.tally.LateOutcomes++
	default: // told by the observer, perhaps before Wait
	}
	if r.Kind != trace.Return && a.ret == 0 && r.Kind == trace.Late {
		h.oddLocked(r, "late before it returned")
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
		if decided(old[i].Outcome) && m.Outcome != old[i].Outcome && !early {
			h.oddLocked(r, fmt.Sprintf("message %d was %s, now %s", i, old[i].Outcome, m.Outcome))
		}
		if decided(old[i].Outcome) && (m.Offset < 0 || m.Outcome != old[i].Outcome) {
			merged[i] = old[i]
		}
	}
	h.setLocked(at, a, merged)
	h.countLocked(a, r, old, merged, busy)
}

func decided(o trace.Outcome) bool { return o == trace.Acknowledged || o == trace.NotSent }

func (h *history) oddLocked(r *trace.Record, what string) {
	h.odd = append(h.odd, fmt.Sprintf("owner %d number %d: %s: %s", r.Owner, r.N, r.Kind, what))
}

// outcomes is what is known of each message of an attempt. Callers hold the
// lock, or nobody writes any more.
func (h *history) outcomes(at place, a *attempt) []trace.Message {
	switch {
	case a.several:
		return h.parts[at]
	case a.outcome == trace.Open:
		return nil
	default:
		return []trace.Message{{Outcome: a.outcome, Partition: int32(a.first), Offset: int64(a.offset)}}
	}
}

func (h *history) setLocked(at place, a *attempt, ms []trace.Message) {
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
	t := &h.tally
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

// snapshot returns the counts so far and the fewest attempts of any owner.
func (h *history) snapshot() (t tally, fewest int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fewest = len(h.owners[0].attempts)
	for _, o := range h.owners[:h.params.Users] {
		fewest = min(fewest, len(o.attempts))
	}
	return h.tally, fewest
}

// stuck tells for how long calls have been open and nothing was acknowledged.
func (h *history) stuck(now time.Duration) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return now - h.late
}

func (h *history) close() error {
	return errors.Join(h.disk.Flush(), h.file.Close())
}
