package load

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/trace"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// A workload is the process under test.
type workload struct {
	cfg     Config
	trace   *trace.Writer
	log     *slog.Logger
	subject subject
	topic   string // the first one
	begun   time.Time
	nextID  atomic.Uint32
	finish  chan struct{} // closed when the load is to end
	broken  context.CancelCauseFunc
	ahead   atomic.Int64 // of the forwarder's clock, a duration
	found   []int64      // in the spool, at the start
	spooled *spooled     // if there is a spool
	held    atomic.Bool  // a door gives no more answers
}

// Run is the process under test: it reads a [Config] and then lines from in,
// writes its history to out and its log to log, and returns when all is closed.
// The end of in ends it, too: there is no judge to work for.
func Run(ctx context.Context, in io.Reader, out, log io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<24)
	if !lines.Scan() {
		return fmt.Errorf("load: no configuration: %w", lines.Err())
	}
	w := &workload{log: slog.New(slog.NewTextHandler(log, nil)), finish: make(chan struct{}), broken: cancel}
	if err := json.Unmarshal(lines.Bytes(), &w.cfg); err != nil {
		return fmt.Errorf("load: configuration: %w", err)
	}
	w.trace = trace.NewWriter(out, w.cfg.Begun)
	w.nextID.Store(w.cfg.NextID)
	go w.listen(lines)
	before := measureResources()
	if err := w.work(ctx); err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	after := measureResources()
	w.mark(MarkEnd, append(before.values(), after.values()...)...)
	return context.Cause(ctx)
}

func (w *workload) listen(lines *bufio.Scanner) {
	for lines.Scan() {
		if lines.Text() == Finish {
			close(w.finish)
			<-context.Background().Done() // the end of in means nothing now
		}
		if lines.Text() == Hold {
			w.held.Store(true)
		}
		if text, ok := strings.CutPrefix(lines.Text(), Clock); ok {
			if d, err := time.ParseDuration(text); err == nil {
				w.ahead.Store(int64(d))
			}
		}
	}
	w.broken(errors.New("load: the judge has gone"))
}

// now is the forwarder's clock.
func (w *workload) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

func (w *workload) work(ctx context.Context) error {
	var err error
	if w.subject, err = w.connect(ctx); err != nil {
		return err
	}
	defer w.subject.Close()
	w.mark(MarkReady, w.found...)
	w.begun = time.Now()
	owners := make([]*owner, w.cfg.Owners())
	for i := range owners {
		owners[i] = newOwner(w, i)
	}
	each(owners, func(o *owner) { o.work(ctx) })
	w.mark(MarkQuiet)
	each(owners, func(o *owner) { o.fresh(ctx) })
	w.mark(MarkFresh)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	const patience = 30 * time.Second
	end, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := w.subject.Shutdown(end); err != nil {
		return err
	}
	if w.spooled != nil {
		return w.spooled.reportHeld()
	}
	return nil
}

func each(owners []*owner, f func(*owner)) {
	var wg sync.WaitGroup
	for _, o := range owners {
		wg.Go(func() { f(o) })
	}
	wg.Wait()
}

func (w *workload) mark(name string, values ...int64) {
	w.write(trace.Record{Kind: trace.Mark, Name: name, Values: values})
}

// write ends the process when its history cannot be kept.
func (w *workload) write(rs ...trace.Record) {
	if err := w.trace.Write(rs...); err != nil {
		w.broken(err)
	}
}

// The context of a call carries the attempts it is for, since the observer is
// not given the batch.
type attemptsKey struct{}

// A callAttempts is the attempts of one call, in the order in which the observer is
// told their end.
type callAttempts struct {
	attempts []*attempt
	told     int
}

func with(ctx context.Context, as ...*attempt) context.Context {
	return context.WithValue(ctx, attemptsKey{}, &callAttempts{attempts: as})
}

// done is the observer's, called before the caller gets its answer.
func (w *workload) done(ctx context.Context, info forwarder.ForwardInfo) {
	if r, ok := ctx.Value(attemptsKey{}).(*callAttempts); ok {
		a := r.attempts[r.told]
		a.acked, a.spoolID = info.Messages, info.SpoolID
		r.told++
		if w.cfg.Door != NoDoor && errors.Is(info.Err, spool.ErrFull) { // it will be posted again
			w.write(trace.Record{Kind: trace.Settled, Owner: a.owner.index, N: a.n, Cause: Full})
		}
	}
}

// settled writes what the observer is told later. Of a call with several
// batches it cannot tell which one it is about.
func (w *workload) settled(ctx context.Context, info forwarder.ForwardInfo) {
	if info.SpoolID != 0 { // perhaps of a former life, which no context knows
		w.write(trace.Record{Kind: trace.Settled, Owner: -1, SpoolID: info.SpoolID, Messages: outcomes(info.Err, info.Messages), Cause: cause(info.Err)})
		return
	}
	r, ok := ctx.Value(attemptsKey{}).(*callAttempts)
	if !ok || len(r.attempts) != 1 {
		return
	}
	if w.cfg.Door != NoDoor { // it may have been posted again
		w.leftOpen(r.attempts[0], info)
		return
	}
	a := r.attempts[0]
	w.write(trace.Record{Kind: trace.Settled, Owner: a.owner.index, N: a.n, Messages: outcomes(info.Err, info.Messages), Cause: cause(info.Err)})
}

// leftOpen writes that Kafka could not tell whether it had taken a batch.
func (w *workload) leftOpen(a *attempt, info forwarder.ForwardInfo) {
	d, ok := errors.AsType[*forwarder.DeliveryError](info.Err)
	if ok && slices.ContainsFunc(d.Failures, func(f forwarder.Failure) bool { return f.Outcome == forwarder.Unknown }) {
		w.write(trace.Record{Kind: trace.Settled, Owner: a.owner.index, N: a.n, Cause: Doubted})
	}
}

// throughDoor puts a door before s. Without a spool it forgets ids by batches that have
// none.
func (w *workload) throughDoor(s subject) (subject, error) {
	return newDoor(s, doorPlan{
		clients: w.cfg.Owners(), blind: w.cfg.Defect == NoQuarantine, log: w.log,
		parcels: func(ctx context.Context) (ps []parcel) {
			if called, ok := ctx.Value(attemptsKey{}).(*callAttempts); ok {
				for _, a := range called.attempts {
					ps = append(ps, a)
				}
			}
			return ps
		},
		with: func(ctx context.Context, p parcel) context.Context {
			if a, ok := p.(*attempt); ok {
				return with(ctx, a)
			}
			return ctx
		},
	})
}
