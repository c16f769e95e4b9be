package forwarder

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
	"weak"

	"github.com/eventferry/eventferry/forwarder/internal/choose"
	"github.com/eventferry/eventferry/forwarder/internal/disk"
	"github.com/eventferry/eventferry/forwarder/internal/drain"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
	"github.com/eventferry/eventferry/forwarder/internal/watch"
	"github.com/eventferry/eventferry/forwarder/spool"
	"github.com/eventferry/eventferry/partition"
)

// A spoolUse is a forwarder's use of its spool: calls add batches to the store,
// and a drain carries them to the producer. It knows the batches whose callers
// wait, and nothing of the others, however many there are.
type spoolUse struct {
	spool *spool.Spool
	owned bool // the forwarder has opened it
	claim spoolstore.Claim
	store *spoolstore.Store
	gate  drain.Gate // of the journals
	hold  bool       // what is in doubt is refused
	room  spoolRoom

	producerIDExpiration time.Duration // of the brokers; 0: Kafka's default

	recovered map[string][]producer.Recovered // what a former process may have written, by topic
	log       *slog.Logger
	drain     *drain.Drain
	watches   map[string]*watch.Watcher   // by topic
	why       func(context.Context) error // why a context has ended, and why delivery waits
	observe   func(*drain.Ended)          // tells the observer's Settled
	tell      func(drain.Doubt)           // tells its Doubted
	recycle   func(*[]byte)               // takes memory of values that were sent
	count     func(producer.Outcome)      // counts messages for Stats

	windows *windows // nil: every batch leaves by itself
	gathers bool     // false: windows has only what a former process has left in them

	started chan struct{} // closed when watches, why, observe, tell and count are set
	stop    chan struct{} // closed when nothing is accepted any more
	ended   chan struct{} // closed when nothing is sent any more

	refusing, detaching sync.Once

	mu      sync.Mutex
	doubts  []drain.Doubt           // of the start
	waiting map[uint64]*storedBatch // by the number of the first message; nil after the end

	// Of batches in windows: gathered by the number of what a closed window became, left
	// by the batch's own number. The callers in left may ask again.
	gathered map[uint64]*gathering
	left     map[uint64]weak.Pointer[storedBatch]
}

// recover reads what a former process may have written, and what waits in windows.
func (u *spoolUse) recover(ctx context.Context) error {
	var err error
	if u.recovered, err = drain.Recover(u.store, u.hold, u.settled, u.doubted); err != nil {
		return fmt.Errorf("forwarder: reading what a former process has sent: %w", err)
	}
	if u.windows == nil {
		return nil
	}
	if err := u.windows.recover(); err != nil {
		return fmt.Errorf("forwarder: reading what waits in windows: %w", err)
	}
	if u.gathers {
		return nil
	}
	// All of it is closed as windows now, and not sent as it lies: new batches must come
	// behind it, and it may lie before what an earlier window of its device became.
	if err := u.windows.closeNow(ctx); err != nil {
		return fmt.Errorf("forwarder: storing what has waited in windows: %w", err)
	}
	u.windows = nil
	return nil
}

// journalOf returns the journal of a topic, and what it has open from a former
// process.
func (u *spoolUse) journalOf(topic string) (producer.Journal, []producer.Recovered) {
	return drain.Journal{Store: u.store, Topic: topic, Gate: &u.gate, Doubted: u.doubted}, u.recovered[topic]
}

// lastTimestamp returns the newest timestamp with which a former process may have
// written to a partition.
func (u *spoolUse) lastTimestamp(topic string, partition int32) int64 {
	return u.store.LastTimestamp(spoolstore.Partition{Topic: topic, ID: partition})
}

// start begins to carry what lies in the store to the topics.
func (u *spoolUse) start(topics []drain.Topic, hash partition.Func, maxBytes int64) {
	c := drain.Config{Store: u.store, Topics: topics, Hash: u.safe(hash), MaxBytes: maxBytes, Settled: u.settled, Recycle: u.recycle}
	u.tellDoubts()
	if u.windows != nil {
		c.Waits = u.windows.waits
		u.windows.start()
	}
	u.drain = drain.New(c)
}

// doubted is told of each doubt, which waits until u has started.
func (u *spoolUse) doubted(d drain.Doubt) {
	u.mu.Lock()
	defer u.mu.Unlock()
	select {
	case <-u.started:
		u.tell(d)
	default:
		u.doubts = append(u.doubts, d)
	}
}

// tellDoubts notes that u has started, and tells the doubts until then.
func (u *spoolUse) tellDoubts() {
	u.mu.Lock()
	defer u.mu.Unlock()
	close(u.started)
	for _, d := range u.doubts {
		u.tell(d)
	}
	u.doubts = nil
}

// safe returns hash, and Murmur2 for keys at which it fails: what is stored goes
// to some partition, always to the same one.
func (u *spoolUse) safe(hash partition.Func) partition.Func {
	var once sync.Once
	return func(key []byte, partitions int32) int32 {
		chosen, err := choose.Partition(hash, key, partitions)
		if err == nil {
			return chosen
		}
		once.Do(func() {
			u.log.Error("the partitioner failed for a stored batch, which murmur2 places now", slog.String("error", err.Error()))
		})
		return partition.Murmur2(key, partitions)
	}
}

// await makes u tell k, which has its number now, of its messages.
func (u *spoolUse) await(k *storedBatch) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.waiting != nil {
		u.waiting[k.first] = k
	}
}

// settled is told of each message that the producer has had.
func (u *spoolUse) settled(first uint64, r drain.MessageResult, ended *drain.Ended) {
	<-u.started
	if r.Closed() {
		return // it stays in the spool
	}
	u.count(r.Outcome)
	if r.Outcome == producer.Acknowledged {
		u.watches[r.Topic].Acknowledged(r.Partition)
	} else if r.Err != nil {
		u.watches[r.Topic].Failed(r.Partition, r.Err)
	}
	u.mu.Lock()
	k := u.waiting[first]
	tell := ended != nil
	if tell && k != nil && !k.reported {
		k.outcomes, tell = append(k.outcomes, ended), false // leave tells
	}
	list, told := u.gatheredLocked(first, ended)
	u.mu.Unlock()
	if k != nil {
		list = append(list, k)
	}
	for _, k := range list {
		k.delivery.settleStored(r.Index, r.Result)
	}
	if tell {
		u.observeAll(ended, told)
	}
}

// enter makes u tell k of its messages until exit. It reports false after the end.
func (u *spoolUse) enter(k *storedBatch) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.waiting == nil {
		return false
	}
	u.enterLocked(k)
	k.waiters++
	return true
}

// exit takes back what enter did.
func (u *spoolUse) exit(k *storedBatch) {
	u.mu.Lock()
	defer u.mu.Unlock()
	k.waiters--
	u.forgetLocked(k, !k.final.Load())
}

// forgetLocked lets k go, unless a call or a later wait is to be told of its messages.
// back: its caller may ask again.
func (u *spoolUse) forgetLocked(k *storedBatch, back bool) {
	if k.reported && k.waiters == 0 {
		u.leaveLocked(k, back)
	}
}

// leave is called when the caller of k has its error, or Done has told it. final:
// that was how the batch ended.
func (u *spoolUse) leave(k *storedBatch, final bool) {
	u.mu.Lock()
	k.reported = true
	u.forgetLocked(k, !final && !k.storeOnly)
	ended := k.outcomes
	k.outcomes = nil
	u.mu.Unlock()
	u.room.giveBack(k)
	if final {
		return
	}
	for _, e := range ended {
		u.observe(e)
	}
}

// state reports whether a message of k is still to be sent (pending), or was refused,
// and why. If neither, it is in Kafka.
func (u *spoolUse) state(k *storedBatch, index int) (r spoolstore.Refusal, pending, refused bool) {
	for {
		number := u.numberOf(k)
		r, pending, refused = u.store.State(number + uint64(index)) //nolint:gosec // an index
		if pending || u.numberOf(k) == number {
			return r, pending, refused
		} // otherwise its window has become another entry meanwhile
	}
}

func (u *spoolUse) numberOf(k *storedBatch) uint64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return k.number
}

// whyNow returns why ctx has ended, and why delivery waits.
func (u *spoolUse) whyNow(ctx context.Context) error { return u.why(ctx) }

// refuse makes calls that wait for room give up.
func (u *spoolUse) refuse() { u.refusing.Do(func() { close(u.stop) }) }

// waitEmpty waits until all is in Kafka or refused, and otherwise returns how
// many messages are left, and why the wait ended.
func (u *spoolUse) waitEmpty(ctx context.Context) (left int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-u.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	err = u.store.WaitEmpty(ctx)
	return u.pending(), err
}

// stats returns what the spool holds at a time.
func (u *spoolUse) stats(now time.Time) *SpoolStats {
	st := u.spool.Stats()
	s := &SpoolStats{
		Bytes: st.Bytes, Limit: st.MaxBytes, Messages: st.Messages, Refused: st.Refused,
		Syncs: st.Syncs, SyncTime: st.SyncTime, Written: st.Written, Damaged: st.Damaged,
		Accepts: u.accepts() == nil, DiskFree: disk.Free(u.spool.Dir()),
	}
	if u.windows != nil {
		t := u.windows.table.Stats()
		s.WindowLength, s.Windows, s.WindowsClosedEarly = u.windows.length, t.Open+t.Closed, t.Early
	}
	if !st.Oldest.IsZero() {
		s.Oldest = max(0, now.Sub(st.Oldest)) // the clock may have been set back
	}
	return s
}

// accepts returns nil while the spool takes batches, and otherwise why it does not.
func (u *spoolUse) accepts() error {
	err := u.store.Accepts()
	if full, ok := errors.AsType[*spoolstore.FullError](err); ok {
		return fmt.Errorf("%w: %w; %s", spool.ErrFull, full, full.Advice())
	}
	switch {
	case errors.Is(err, spoolstore.ErrClosed):
		return spool.ErrClosed
	default:
		return err
	}
}

// pending is how many messages are to be sent.
func (u *spoolUse) pending() int { return u.store.Stats().Messages }

// end makes the callers that wait return: what they wait for stays in the spool.
// The producer is closed already.
func (u *spoolUse) end() {
	u.mu.Lock()
	waiting, gathered := u.waiting, u.gathered
	u.waiting, u.gathered, u.left = nil, nil, nil
	u.mu.Unlock()
	for _, k := range waiting {
		k.delivery.endWaiting(ErrClosed)
	}
	for _, g := range gathered {
		for _, k := range g.waiting {
			k.delivery.endWaiting(ErrClosed)
		}
	}
	if waiting != nil {
		close(u.ended)
	}
}

// detach gives the spool back. No call uses it any more.
func (u *spoolUse) detach() {
	u.detaching.Do(func() {
		u.gate.Close()
		u.spool.Detach(u.claim)
		if !u.owned {
			return
		}
		if err := u.spool.Close(); err != nil {
			u.log.Error("closing the spool", slog.String("error", err.Error()))
		}
	})
}
