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

	mu             sync.Mutex
	owners         [][]attempt                   // each owner's, in order
	parts          map[attemptID][]trace.Message // of attempts that became several messages
	spans          map[attemptID][2]int          // of attempts with only some of a batch's events
	causes         map[string]int                // of returns, by kind
	failed         []attemptID                   // attempts that ended with an error of the producer's
	marks          map[string]chan struct{}      // closed when the current life has written the mark
	resources      []int64
	position       uint32 // of the last record
	life           uint16
	lastID         uint32
	totals         totals
	late           time.Duration // of the last acknowledgement
	contradictions []string      // records that contradict each other
	spool          *spoolHistory // nil: there is no spool
}

// An attemptID is one attempt: an owner and its number.
type attemptID struct {
	owner int
	n     uint32
}

// An attempt is one batch at one call.
type attempt struct {
	hash     uint64
	id       uint32
	offset   int32  // -1: not known
	invoke   uint32 // position in the history
	ret      uint32 // 0: never returned
	since    uint32 // milliseconds, of invoke
	until    uint32 // of ret
	first    int16  // partition, -1: not known
	outcome  trace.Outcome
	life     uint16
	stored   bool  // the caller was told that it is stored
	later    bool  // its end was told after the call had returned
	several  bool  // its outcome is in parts
	partial  bool  // its events are in spans
	troubled bool  // a fault was on when it began
	doubted  bool  // at a door: Kafka could not tell whether it has it
	seen     uint8 // bits, of its messages that are in the log
	placed   uint8 // of those that are where they were reported to be
}

// totals counts what happened.
type totals struct {
	Batches, Acknowledged, NotSent, Unknown, Returned, LateOutcomes int
	Events, AckedInFaults, Duplicated                               int
	Stored                                                          int // batches, in the words of whoever stored them
	Resumed, Stranded                                               int // record batches in doubt, and messages, that were on the disk at starts
	LongestPause, LongestBatch, LatestReturn                        time.Duration
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
		owners: make([][]attempt, params.Owners()),
		parts:  map[attemptID][]trace.Message{},
		spans:  map[attemptID][2]int{},
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
	for _, name := range []string{load.MarkReady, load.MarkQuiet, load.MarkFresh, load.MarkEnd, load.MarkHeld} {
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
		owners[i] = uint32(len(o)) //nolint:gosec // fits
	}
	return h.lastID, owners
}

// unanswered returns the attempts that have not returned, in the order of each owner.
func (h *history) unanswered() (list []load.Batch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for owner, attempts := range h.owners {
		for i := range attempts {
			if a := &attempts[i]; a.ret == 0 {
				list = append(list, load.Batch{Owner: owner, N: uint32(i + 1), ID: a.id}) //nolint:gosec // small
			}
		}
	}
	return list
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
	if h.spool != nil && !h.spool.placeLocked(r) {
		return nil
	}
	if r.Owner < 0 || r.Owner >= len(h.owners) {
		return errHistory
	}
	o := h.owners[r.Owner]
	if r.Kind == trace.Invoke {
		if int(r.N) != len(o)+1 {
			return fmt.Errorf("%w: owner %d invokes %d after %d", errHistory, r.Owner, r.N, len(o))
		}
		h.invokeLocked(r, busy)
		return nil
	}
	if r.N == 0 || int(r.N) > len(o) {
		return errHistory
	}
	a := &o[r.N-1]
	if r.Kind == trace.Held {
		h.spool.heldLocked(r)
		return nil
	}
	if r.Cause == load.Misnamed {
		h.contradictLocked(r, "another topic is named, or none")
		return nil
	}
	if h.spool != nil && r.Kind == trace.Settled && (h.params.Shape(a.id) == load.Split || h.params.Divided(a.id)) {
		return nil // a former life may have seen the end of some parts, which have no names here
	}
	h.outcomeLocked(a, r, busy)
	if early, ok := h.spool.returnedLocked(r); ok && !h.params.Divided(a.id) {
		h.outcomeLocked(a, &early, busy)
	}
	return nil
}

func (h *history) markLocked(r *trace.Record) error {
	if r.Name == load.MarkDoubt && h.spool != nil {
		h.spool.doubts = append(h.spool.doubts, doubt{int32(r.Values[0]), int(r.Values[1])}) //nolint:gosec // as written
		return nil
	}
	ch, ok := h.marks[r.Name]
	if !ok {
		return fmt.Errorf("%w: mark %q", errHistory, r.Name)
	}
	if r.Name == load.MarkReady {
		h.readyLocked(r)
	}
	h.resources = r.Values
	close(ch)
	return nil
}

func (h *history) invokeLocked(r *trace.Record, busy bool) {
	a := attempt{
		hash: r.Hash, id: r.ID, offset: -1, first: -1, life: h.life, troubled: busy,
		invoke: h.position, since: milliseconds(r.At),
	}
	if r.To > 0 {
		a.partial = true
		h.spans[attemptID{r.Owner, r.N}] = [2]int{r.From, r.To}
	}
	h.lastID = max(h.lastID, r.ID)
	h.totals.Batches++
	h.owners[r.Owner] = append(h.owners[r.Owner], a)
}

func milliseconds(d time.Duration) uint32 { return uint32(d.Milliseconds()) } //nolint:gosec // 49 days

// snapshot returns the counts so far and the fewest attempts of any owner.
func (h *history) snapshot() (t totals, fewest int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fewest = len(h.owners[0])
	for _, o := range h.owners[:h.params.Users] {
		fewest = min(fewest, len(o))
	}
	return h.totals, fewest
}

// stalledFor returns for how long calls have been open and nothing was acknowledged.
func (h *history) stalledFor(now time.Duration) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return now - h.late
}

func (h *history) close() error {
	return errors.Join(h.disk.Flush(), h.file.Close())
}
