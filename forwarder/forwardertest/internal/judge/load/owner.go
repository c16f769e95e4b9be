package load

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/trace"
)

const (
	maxAtOnce = 12 // batches of one call or pipeline
	maxLate   = 16 // batches whose late outcome an owner waits for
)

// An owner is the only one to forward for its user, on one goroutine.
type owner struct {
	w      *workload
	index  int
	random *rand.Rand
	n      uint32

	mu    sync.Mutex
	again []task // came back not sent
	late  int    // batches whose outcome is awaited
	wake  chan struct{}
}

func newOwner(w *workload, index int) *owner {
	o := &owner{w: w, index: index, wake: make(chan struct{}, 1)}
	if index < len(w.cfg.Numbers) {
		o.n = w.cfg.Numbers[index]
	}
	o.random = rand.New(rand.NewPCG(w.cfg.Seed, uint64(index)<<32|uint64(o.n))) //nolint:gosec // a load, not a secret
	return o
}

// work forwards until the load is to end, and then until nothing is under way.
func (o *owner) work(ctx context.Context) {
	first := o.n
	o.postUnanswered(ctx)
	for ctx.Err() == nil && o.pace(ctx, int(o.n-first)) {
		o.step(ctx, 1+o.random.IntN(maxAtOnce))
	}
	for ctx.Err() == nil {
		if t := o.returned(maxAtOnce); len(t) > 0 {
			o.pipeline(ctx, t, false)
		} else if !o.await(ctx, 0) {
			return
		}
	}
}

// postUnanswered posts again, in their order, what former lives have posted without an
// answer.
func (o *owner) postUnanswered(ctx context.Context) {
	for _, b := range o.w.cfg.Unanswered {
		if b.Owner != o.index || ctx.Err() != nil {
			continue
		}
		a := &attempt{task: task{id: b.ID}, owner: o, n: b.N, posts: 1, storeOnly: true}
		a.encode(0, o.w.cfg.Events(a.id))
		o.ended(a, o.w.subject.Forward(with(ctx, a), a.batch))
	}
}

// pace waits until the owner's n-th batch is due, and reports false when the
// load is to end. What an outage held up is made up for.
func (o *owner) pace(ctx context.Context, n int) bool {
	share := time.Duration(float64(time.Second) * float64(o.w.cfg.Owners()) / o.w.cfg.Rate)
	due := o.w.begun.Add(share*time.Duration(n) + share*time.Duration(o.index)/time.Duration(o.w.cfg.Owners()))
	select {
	case <-o.w.finish:
		return false
	case <-ctx.Done():
		return false
	case <-time.After(time.Until(due)):
		return true
	}
}

// way draws one of the ways: 0 to 2 forward, the others store.
func (o *owner) way() int {
	ways := 3
	if o.w.cfg.Spool.Dir != "" {
		ways = 6
	}
	way := o.random.IntN(ways)
	if o.w.cfg.Spool.NoWait {
		way = ways
	}
	if o.w.cfg.Door != NoDoor {
		way = 0 // a post is a batch, and its answer is written down before the next
	}
	return way
}

// step forwards some batches in one of the ways.
func (o *owner) step(ctx context.Context, n int) {
	o.await(ctx, maxLate)
	way := o.way()
	if way == 0 && o.w.cfg.Windows {
		n = 1 // each waits for the end of a window
	}
	tasks := o.returned(n)
	for len(tasks) < n {
		tasks = append(tasks, task{id: o.w.nextID.Add(1)})
	}
	switch way {
	case 0:
		for _, t := range tasks {
			o.one(ctx, t)
		}
	case 1:
		o.all(ctx, tasks)
	case 2:
		o.pipeline(ctx, tasks, true)
	default:
		o.store(ctx, tasks)
	}
}

func (o *owner) one(ctx context.Context, t task) {
	a, invoke := o.attempt(t, "Forward")
	o.w.write(invoke)
	ctx, cancel := o.shortDeadline(ctx)
	defer cancel()
	o.ended(a, o.w.subject.Forward(with(ctx, a), a.batch))
}

func (o *owner) all(ctx context.Context, tasks []task) {
	o.bulk(ctx, tasks, "ForwardAll", false, o.w.subject.ForwardAll)
}

// bulk hands over all tasks with one call, whose name is way.
func (o *owner) bulk(
	ctx context.Context, tasks []task, way string, storeOnly bool, call func(context.Context, []*batch.Batch) []error,
) {
	as, records, batches := o.attempts(tasks, way)
	for _, a := range as {
		a.storeOnly = a.storeOnly || storeOnly
	}
	o.w.write(records...)
	ctx, cancel := o.shortDeadline(ctx)
	defer cancel()
	errs := call(with(ctx, as...), batches)
	for i, a := range as {
		var err error
		if errs != nil {
			err = errs[i]
		}
		o.ended(a, err)
	}
}

func (o *owner) attempts(tasks []task, way string) ([]*attempt, []trace.Record, []*batch.Batch) {
	as, records, batches := make([]*attempt, len(tasks)), make([]trace.Record, len(tasks)), make([]*batch.Batch, len(tasks))
	for i, t := range tasks {
		as[i], records[i] = o.attempt(t, way)
		batches[i] = as[i].batch
	}
	return as, records, batches
}

func (o *owner) pipeline(ctx context.Context, tasks []task, impatient bool) {
	var wg sync.WaitGroup
	for _, t := range tasks {
		a, invoke := o.attempt(t, "ForwardAsync")
		o.w.write(invoke)
		own, cancel := ctx, func() {}
		if impatient {
			own, cancel = o.shortDeadline(ctx)
		}
		wg.Add(1)
		o.w.subject.ForwardAsync(with(own, a), a.batch, func(err error) {
			defer wg.Done()
			defer cancel()
			o.ended(a, err)
		})
	}
	wg.Wait()
}

// fresh forwards one more batch, now that all is well.
func (o *owner) fresh(ctx context.Context) {
	a, invoke := o.attempt(task{id: o.w.nextID.Add(1)}, "fresh")
	o.w.write(invoke)
	o.ended(a, o.w.subject.Forward(with(ctx, a), a.batch))
}

// MaxShortDeadline is more than the time that an impatient call has.
const MaxShortDeadline = 30 * time.Millisecond

// shortDeadline gives some calls a context that ends soon.
func (o *owner) shortDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if !o.w.cfg.Stress {
		return ctx, func() {}
	}
	oneIn := 40
	if o.w.cfg.Spool.NoWait {
		oneIn = 4 // some find a full disk before all wait for room
	}
	soon := time.Duration(o.random.Int64N(int64(MaxShortDeadline)))
	switch o.random.IntN(oneIn) {
	case 0:
		return context.WithTimeout(ctx, soon)
	case 1:
		ctx, cancel := context.WithCancel(ctx)
		timer := time.AfterFunc(soon, cancel)
		return ctx, func() { timer.Stop(); cancel() }
	default:
		return ctx, func() {}
	}
}

// ended takes the outcome of a call, on any goroutine.
func (o *owner) ended(a *attempt, err error) {
	r := trace.Record{Kind: trace.Return, Owner: o.index, N: a.n, SpoolID: a.spoolID, Messages: outcomes(err, a.acked), Cause: cause(err)}
	if err == nil && a.storeOnly {
		r.Messages = []trace.Message{{Outcome: trace.Stored, Partition: -1, Offset: -1}}
	}
	if err == nil && o.w.cfg.Door != NoDoor && (a.posts > 0 || !a.storeOnly && len(a.acked) == 0) {
		r.Cause = Repeated
		if !a.storeOnly {
			r.Messages = []trace.Message{{Outcome: trace.Acknowledged, Partition: -1, Offset: -1}}
		}
	}
	o.w.write(r)
	a.checkNames(err)
	o.judge(a, err)
}

// judge decides what is to be done about an outcome.
func (o *owner) judge(a *attempt, err error) {
	if err == nil {
		return
	}
	o.w.log.Info("not delivered", "error", err) // searched for secrets
	if forwarder.Kept(err) || forwarder.Permanent(err) {
		return
	}
	if forwarder.NothingSent(err) {
		o.giveBack(a.task)
		return
	}
	d, ok := errors.AsType[*forwarder.DeliveryError](err)
	if !ok {
		return
	}
	for _, f := range d.Failures {
		if f.Outcome == forwarder.Unknown {
			o.wait(a, d)
			return
		}
	}
	o.remaining(a, d)
}

// wait waits for the late outcome, which no context of the load cuts short.
func (o *owner) wait(a *attempt, d *forwarder.DeliveryError) {
	o.mu.Lock()
	o.late++
	o.mu.Unlock()
	go func() {
		err := d.Wait(context.Background())
		o.w.write(trace.Record{Kind: trace.Late, Owner: o.index, N: a.n, Messages: lateOutcomes(a, d, err), Cause: cause(err)})
		if late, ok := errors.AsType[*forwarder.DeliveryError](err); ok {
			a.checkNames(err)
			o.remaining(a, late)
		}
		o.mu.Lock()
		o.late--
		o.mu.Unlock()
		o.wakeUp()
	}()
}

func lateOutcomes(a *attempt, d *forwarder.DeliveryError, err error) []trace.Message {
	if err == nil && a.storeOnly {
		return []trace.Message{{Outcome: trace.Stored, Partition: -1, Offset: -1}}
	}
	if err == nil {
		err = &forwarder.DeliveryError{Messages: d.Messages}
	}
	return outcomes(err, nil)
}

// remaining sends again the events that are known not to be sent; nothing of
// the batch is open any more.
func (o *owner) remaining(a *attempt, d *forwarder.DeliveryError) {
	rest := d.Remaining()
	if rest == nil || forwarder.Permanent(d) {
		return
	}
	t := task{id: a.id, rest: rest, from: -1}
	for _, e := range rest.Events() {
		if t.from < 0 {
			t.from = e.Index()
		}
		t.to = e.Index() + 1
	}
	o.giveBack(t)
}

func (o *owner) giveBack(t task) {
	o.mu.Lock()
	o.again = append(o.again, t)
	o.mu.Unlock()
	o.wakeUp()
}

func (o *owner) wakeUp() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// returned takes up to n of the batches that came back.
func (o *owner) returned(n int) []task {
	o.mu.Lock()
	defer o.mu.Unlock()
	n = min(n, len(o.again))
	tasks := append([]task(nil), o.again[:n]...)
	o.again = o.again[n:]
	return tasks
}

// await waits while more than n outcomes are late. It reports whether there may
// be something to send again.
func (o *owner) await(ctx context.Context, n int) bool {
	for {
		o.mu.Lock()
		late, again := o.late, len(o.again)
		o.mu.Unlock()
		if late <= n {
			return again > 0
		}
		if n == 0 && again > 0 {
			return true
		}
		select {
		case <-o.wake:
		case <-ctx.Done():
			return false
		}
	}
}
