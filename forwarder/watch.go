package forwarder

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/deliver"
)

const (
	// Delivery that makes no progress for waitPatience, beyond the linger, is
	// said to wait. It is looked for every watchPeriod, while anything is
	// undecided.
	waitPatience = time.Second
	watchPeriod  = time.Second

	// A diagnosis uses connections of its own, so it is not made too often: of
	// what lasts, and of what is new.
	diagnosisTimeout = 2 * time.Second
	diagnosisPeriod  = 10 * time.Second
	diagnosisPause   = 2 * time.Second

	// What lasts is told again after repeatAfter.
	repeatAfter = 30 * time.Second

	askAgain     = 20 * time.Millisecond
	anyPartition = int32(-1)
)

var errNoAnswer = errors.New("no acknowledgement from the partition's leader")

// A watcher finds out why delivery waits and tells: the observer, the log, and
// whoever asks for the cause of a deadline error. While all is well it does
// nothing but look once a second whether anything is undecided; then, not even
// that.
type watcher struct {
	producer  deliver.Producer
	undecided func() int
	explain   func(error) error // says more of a broker's refusal
	diagnose  func(context.Context) diagnosis
	waiting   func(context.Context, WaitInfo)
	logger    *slog.Logger
	patience  time.Duration

	armed  atomic.Bool
	ctx    context.Context // ends at close
	cancel context.CancelFunc

	round   sync.Mutex // held while a round runs
	found   diagnosis  // of the last rounds
	foundAt time.Time
	news    bool // nothing waited since
	spoke   bool // this wait is in the log

	mu     sync.Mutex
	timer  *time.Timer
	closed bool
	waits  map[int32]*wait      // by partition
	logged map[string]time.Time // by cause
	began  time.Time            // when the first of waits began; zero when there is none

	asked   []deliver.Waiting // the producer's last answer
	askedAt time.Time
}

func newWatcher(f *Forwarder, diagnose func(context.Context) diagnosis) *watcher {
	ctx, cancel := context.WithCancel(context.Background())
	return &watcher{
		producer:  f.producer,
		undecided: f.ledger.count,
		explain:   func(err error) error { return f.explained(err) },
		diagnose:  diagnose,
		waiting:   f.options.observer.Waiting,
		logger:    f.options.logger,
		patience:  waitPatience + f.settings.Delivery.Linger,
		ctx:       ctx,
		cancel:    cancel,
		logged:    map[string]time.Time{},
	}
}

// A wait is a partition that waits, as it was last told.
type wait struct {
	info WaitInfo
	kind string
	told time.Time
}

// arm makes sure that the watcher looks. It is called for each batch.
func (w *watcher) arm() {
	if w.armed.Load() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed && w.armed.CompareAndSwap(false, true) {
		w.timer = time.AfterFunc(watchPeriod, w.look)
	}
}

// look runs one round and arranges for the next.
func (w *watcher) look() {
	w.round.Lock()
	defer w.round.Unlock()
	if w.ctx.Err() != nil {
		return
	}
	w.tell(w.ask(w.patience))

	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	w.armed.Store(false) // before the count is read: whoever adds to it afterwards arms again
	if w.undecided() > 0 && w.armed.CompareAndSwap(false, true) {
		w.timer = time.AfterFunc(watchPeriod, w.look)
	}
}

// tell compares what waits with what was told before.
func (w *watcher) tell(list []deliver.Waiting) {
	if len(list) == 0 {
		w.over()
		return
	}
	found := w.find()
	if w.ctx.Err() != nil {
		return
	}
	now := time.Now()
	w.mu.Lock()
	before := w.waits
	w.mu.Unlock()
	waits := make(map[int32]*wait, len(list))
	var news []*wait
	for _, l := range list {
		info := WaitInfo{Partition: l.Partition, Since: l.Since, Next: l.Next}
		info.Cause = cmp.Or(found.of(l.Partition), l.Cause, errNoAnswer)
		n := &wait{info: info, kind: kind(info.Cause), told: now}
		if b := before[l.Partition]; b != nil && b.kind == n.kind && now.Sub(b.told) < repeatAfter {
			n.told = b.told
		} else {
			news = append(news, n)
		}
		waits[l.Partition] = n
	}
	w.mu.Lock()
	w.waits = waits
	if w.began.IsZero() {
		w.began = list[0].Since
	}
	w.mu.Unlock()
	for _, n := range news {
		if w.waiting != nil {
			w.waiting(w.ctx, n.info)
		}
		w.log(n, len(waits), now)
	}
}

// find asks for a diagnosis, unless the last one is still new.
func (w *watcher) find() diagnosis {
	age := diagnosisPeriod
	if w.news {
		age = diagnosisPause
	}
	if w.foundAt.IsZero() || time.Since(w.foundAt) >= age {
		w.news = false
		ctx, cancel := context.WithTimeout(w.ctx, diagnosisTimeout)
		defer cancel()
		w.found, w.foundAt = w.diagnose(ctx), time.Now()
	}
	return w.found
}

// log writes one line for each cause and half minute, whatever the number of
// partitions.
func (w *watcher) log(n *wait, partitions int, now time.Time) {
	w.mu.Lock()
	last := w.logged[n.kind]
	due := now.Sub(last) >= repeatAfter
	if due {
		maps.DeleteFunc(w.logged, func(_ string, at time.Time) bool { return now.Sub(at) >= repeatAfter })
		w.logged[n.kind] = now
	}
	w.mu.Unlock()
	if due {
		w.spoke = true
		w.logger.WarnContext(w.ctx, "delivery waits",
			slog.Int("partition", int(n.info.Partition)), slog.Int("partitions_waiting", partitions),
			slog.Duration("for", now.Sub(n.info.Since).Round(time.Millisecond)),
			slog.Int("messages_undecided", w.undecided()),
			slog.String("cause", n.info.Cause.Error()), slog.String("next", n.info.Next))
	}
}

// over ends a time of waiting.
func (w *watcher) over() {
	w.mu.Lock()
	began := w.began
	w.began, w.waits = time.Time{}, nil
	w.mu.Unlock()
	spoke := w.spoke
	w.news, w.spoke = true, false
	if spoke {
		w.logger.InfoContext(w.ctx, "delivery goes on", slog.Duration("after", time.Since(began).Round(time.Millisecond)))
	}
}

// close ends the watcher and waits for a round that runs.
func (w *watcher) close() {
	w.cancel()
	w.mu.Lock()
	w.closed = true
	if w.timer != nil {
		w.timer.Stop()
	}
	w.mu.Unlock()
	w.round.Lock() // nothing to do but wait
	defer w.round.Unlock()
}
