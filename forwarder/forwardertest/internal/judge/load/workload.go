package load

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/trace"
)

// A workload is the process under test.
type workload struct {
	cfg     Config
	trace   *trace.Writer
	log     *slog.Logger
	subject subject
	begun   time.Time
	nextID  atomic.Uint32
	finish  chan struct{} // closed when the load is to end
	broken  context.CancelCauseFunc
}

// Run is the process under test: it reads a [Config] and then lines from in,
// writes its history to out and its log to log, and returns when all is closed.
// The end of in ends it, too: there is nobody to work for any more.
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
	before := takeVitals()
	if err := w.work(ctx); err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	after := takeVitals()
	w.mark(MarkEnd, append(before.values(), after.values()...)...)
	return context.Cause(ctx)
}

func (w *workload) listen(lines *bufio.Scanner) {
	for lines.Scan() {
		if lines.Text() == Finish {
			close(w.finish)
			<-context.Background().Done() // the end of in means nothing now
		}
	}
	w.broken(errors.New("load: the judge has gone"))
}

func (w *workload) work(ctx context.Context) error {
	var err error
	if w.subject, err = w.connect(ctx); err != nil {
		return err
	}
	defer w.subject.Close()
	w.mark(MarkReady)
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
	return w.subject.Shutdown(end)
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

// A roll is the attempts of one call, in the order in which the observer is
// told their end.
type roll struct {
	attempts []*attempt
	told     int
}

func with(ctx context.Context, as ...*attempt) context.Context {
	return context.WithValue(ctx, attemptsKey{}, &roll{attempts: as})
}

// done is the observer's, called before the caller gets its answer.
func (w *workload) done(ctx context.Context, info forwarder.ForwardInfo) {
	if r, ok := ctx.Value(attemptsKey{}).(*roll); ok {
		r.attempts[r.told].acked = info.Messages
		r.told++
	}
}

// settled writes what the observer is told later. Of a call with several
// batches it cannot tell which one it is about.
func (w *workload) settled(ctx context.Context, info forwarder.ForwardInfo) {
	r, ok := ctx.Value(attemptsKey{}).(*roll)
	if !ok || len(r.attempts) != 1 {
		return
	}
	a := r.attempts[0]
	w.write(trace.Record{Kind: trace.Settled, Owner: a.owner.index, N: a.n, Messages: outcomes(info.Err, info.Messages), Cause: cause(info.Err)})
}
