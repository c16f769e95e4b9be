// Package watch finds out why delivery waits, and says so: to the observer, to
// the log, and in the error of a call whose context ends meanwhile.
package watch

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

const (
	// Threshold is how long delivery makes no progress, beyond the linger,
	// before it is said to wait.
	Threshold = time.Second

	// roundPeriod is the time between two looks at what waits, while anything is
	// undecided.
	roundPeriod = time.Second

	// A diagnosis uses connections of its own, so it is not made too often: of a
	// wait that lasts, and of a new one.
	diagnosisTimeout   = 2 * time.Second
	diagnosisPeriod    = 10 * time.Second
	diagnosisPeriodNew = 2 * time.Second

	// producerAnswerValid is how long an answer of the producer serves the calls
	// that ask why they wait.
	producerAnswerValid = 20 * time.Millisecond

	// repeatAfter is when a wait that lasts is reported again.
	repeatAfter = 30 * time.Second
)

// AnyPartition stands for all partitions, and for the messages whose partition
// cannot be chosen yet.
const AnyPartition = int32(-1)

// Config is what a Watcher works with.
type Config struct {
	// Waiting lists what has waited for so long, as [producer.Producer] does.
	Waiting func(threshold time.Duration) []producer.Waiting
	// Undecided is the number of messages that are neither acknowledged nor
	// known to have failed.
	Undecided func() int
	// Explain says more of a broker's refusal. It takes nil, too.
	Explain func(error) error
	// Diagnose asks the brokers why nothing moves, for as long as its context
	// lasts. The function that it returns gives the cause for one partition, or
	// for all with AnyPartition; nil: none was found.
	Diagnose func(context.Context) (causeOf func(partition int32) error)
	// Report is told of each wait; it may be nil. Its context ends at Close.
	Report func(context.Context, Info)
	// Resumed is told once of the end of each wait that Report was told of, at
	// the latest by Close; it may be nil.
	Resumed func(context.Context, Ended)
	Logger  *slog.Logger
	// Kept says where messages are that brokers refuse for good; "": nowhere, their
	// callers have them.
	Kept string
	// Threshold is how long a partition makes no progress before it waits.
	Threshold time.Duration
}

// Info says why the messages for one partition wait.
type Info struct {
	Partition int32     // AnyPartition: the topic's partitions are not known yet, or the spool cannot be read
	Since     time.Time // of the last acknowledgement, or of acceptance if that came later
	Cause     error     // never nil
	Next      string    // what is tried next
}

// A Watcher looks once a second at what waits, while messages are undecided,
// and not at all otherwise. Its methods may be called by any goroutine.
type Watcher struct {
	Config

	armed  atomic.Bool
	ctx    context.Context // ends at Close
	cancel context.CancelFunc

	round     sync.Mutex // held while a round runs
	causeOf   func(partition int32) error
	diagnosed time.Time // when causeOf was found; zero: not yet
	isNew     bool      // nothing waited since
	logged    bool      // this wait is in the log
	resumed   bool      // something that waited was acknowledged since

	// acknowledged has the partitions that waited in the last round. The map is
	// not changed any more.
	acknowledged atomic.Pointer[map[int32]*acknowledgement]

	mu       sync.Mutex
	timer    *time.Timer
	closed   bool
	waits    map[int32]*wait      // by partition
	listed   []Info               // of waits, for Waits
	began    time.Time            // when the first of waits began; zero when there is none
	failures int                  // messages, since the last line about one
	lastLogs map[string]time.Time // by cause; what has ended without an acknowledgement is not in it

	logging sync.WaitGroup // lines about failures

	producerAnswer   []producer.Waiting
	producerAnswerAt time.Time
}

// A wait is a partition that waits, as it was last reported.
type wait struct {
	info     Info
	began    time.Time // the first Since
	gone     time.Time // when the producer no longer listed it; zero: it still waits
	key      string    // of the cause
	reported time.Time
	logged   bool // the log has its cause, since it began or within the last half minute
}

// An acknowledgement says whether a partition that waits since then has made
// progress.
type acknowledgement struct {
	since time.Time
	seen  atomic.Bool
}

// New returns a Watcher that does nothing until it is armed.
func New(c Config) *Watcher {
	ctx, cancel := context.WithCancel(context.Background())
	return &Watcher{Config: c, ctx: ctx, cancel: cancel, lastLogs: map[string]time.Time{}}
}

// Close ends the watcher, tells of the end of what waits, and waits for a round that
// runs, and for lines that are being logged. Call it when all is settled.
func (w *Watcher) Close() {
	w.cancel()
	w.mu.Lock()
	w.closed = true
	if w.timer != nil {
		w.timer.Stop()
	}
	w.mu.Unlock()
	w.logging.Wait()
	w.round.Lock()
	defer w.round.Unlock()
	w.endAll()
}
