package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/trace"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
	"github.com/eventferry/eventferry/forwarder/internal/timestamp"
	"github.com/eventferry/eventferry/forwarder/spool"
	"github.com/eventferry/eventferry/settings"
)

// A Spool is that of the process under test.
type Spool struct {
	Dir      string // empty: there is none
	MaxBytes int64
	NoWait   bool // no call waits for Kafka

	ProducerIDExpiration time.Duration // 0: the default of Kafka, a day
}

// A spooled is a forwarder with a spool that is not its own.
type spooled struct {
	*forwarder.Forwarder
	w     *workload
	spool *spool.Spool
	count atomic.Int64 // of batches that were stored, for defects

	window windowDefect
}

// connectSpool makes the subject, also while Kafka is down. In doubt it holds,
// so that nothing is twice.
func (w *workload) connectSpool(ctx context.Context, s settings.Settings, opts []forwarder.Option) (subject, error) {
	const segments = 8
	sp, err := spool.Open(ctx, w.cfg.Spool.Dir, spool.Options{
		MaxBytes: w.cfg.Spool.MaxBytes, SegmentBytes: w.cfg.Spool.MaxBytes / segments, Logger: w.log, OnDoubt: spool.Hold,
		ProducerIDExpiration: w.cfg.Spool.ProducerIDExpiration,
	})
	if err != nil {
		return nil, err
	}
	if err := w.lookInto(sp, w.cfg.TopicNames(s.TopicName)); err != nil {
		return nil, errors.Join(err, sp.Close())
	}
	opts = append(opts, forwarder.WithSpool(sp), forwarder.WithoutProbe())
	f, err := w.cfg.open(timestamp.NewContext(ctx, w.now), s, w.cfg.Defect, opts)
	if err != nil {
		return nil, errors.Join(err, sp.Close())
	}
	w.spooled = &spooled{Forwarder: f, w: w, spool: sp, window: windowDefect{defect: w.cfg.Defect}}
	if w.cfg.Door != NoDoor {
		return w.throughDoor(&doorstep{subject: w.spooled, spool: sp, defect: w.cfg.Defect, held: &w.held, onHeld: func() { w.mark(MarkHeld) }})
	}
	return w.cfg.routed(w.spooled, w.cfg.Defect), nil
}

// lookInto finds out of how many record batches it is not known whether they were
// written, and how many messages wait.
func (w *workload) lookInto(sp *spool.Spool, topics []string) error {
	claim := spoolstore.Claim{Topics: topics}
	claimed, err := sp.Attach(claim)
	if err != nil {
		return err
	}
	defer sp.Detach(claim)
	open := claimed.Store.OpenIntents()
	if w.cfg.Defect == Forgetful {
		for _, i := range open {
			claimed.Store.End(i.Partition, spoolstore.End{Outcome: spoolstore.NotWritten, Offset: -1})
		}
	}
	w.found = []int64{int64(len(open)), int64(sp.Stats().Messages)}
	return nil
}

// doubted is the observer's.
func (w *workload) doubted(_ context.Context, info forwarder.DoubtInfo) {
	w.mark(MarkDoubt, int64(info.Partition), int64(info.Messages))
}

// Close closes the spool, too.
func (s *spooled) Close() error { return errors.Join(s.Forwarder.Close(), s.spool.Close()) }

// due reports once in each life whether the defect strikes now.
func (s *spooled) due(d Defect) bool {
	const at = 20
	return s.w.cfg.Defect == d && s.count.Add(1) == at
}

func (s *spooled) Store(ctx context.Context, b *batch.Batch, tag ...spool.Tag) error {
	if s.due(KeepsNothing) {
		return nil
	}
	err := s.Forwarder.Store(ctx, s.window.spoil(b), tag...)
	if err == nil && s.window.repeats(b) {
		unnamed := context.WithValue(context.WithoutCancel(ctx), attemptsKey{}, nil) // it is no attempt's
		err = s.Forwarder.Store(unnamed, b.Clone())
	}
	return err
}

func (s *spooled) StoreAll(ctx context.Context, bs []*batch.Batch, tags ...spool.Tag) []error {
	if _, known := bs[0].UserID(); known && len(bs) > 1 && s.due(StoresSwapped) {
		bs[0], bs[1] = bs[1], bs[0]
	}
	s.window.swap(bs)
	return s.Forwarder.StoreAll(ctx, bs, tags...)
}

// reportHeld writes down what is in the refused part of the spool.
func (s *spooled) reportHeld() error {
	for m, err := range s.spool.Refused() {
		if err != nil {
			return err
		}
		pieces, err := s.w.cfg.refused(m.Value)
		if err != nil {
			return fmt.Errorf("load: what was refused is no batch: %s: %w", m, err)
		}
		for _, one := range pieces {
			s.w.write(trace.Record{
				Kind: trace.Held, Owner: one.Owner, N: one.N, ID: one.ID, From: one.From, To: one.To,
				Way: fmt.Sprintf("code %d: %s", m.Code, m.Reason), Hash: uint64(max(0, m.At.Sub(s.w.cfg.Begun))), //nolint:gosec // not negative
			})
		}
	}
	return nil
}

// refused returns what is in a message that was refused.
func (p Params) refused(value []byte) ([]Piece, error) {
	if p.Windows {
		return p.Unfold(value)
	}
	b, ok := ReadBatch(value)
	first, n := FirstEvent(value)
	if !ok || n == 0 || !json.Valid(value) {
		return nil, errors.New("it has no event")
	}
	return []Piece{{Batch: b, From: first, To: first + n, Value: value}}, nil
}

// store stores batches in one of three ways.
func (o *owner) store(ctx context.Context, tasks []task) {
	switch o.random.IntN(3) {
	case 0:
		for _, t := range tasks {
			o.storeOne(ctx, t)
		}
	case 1:
		o.storeAll(ctx, tasks)
	default:
		o.storePipeline(ctx, tasks)
	}
}

func (o *owner) storeOne(ctx context.Context, t task) {
	a, invoke := o.attempt(t, "Store")
	a.storeOnly = true
	o.w.write(invoke)
	ctx, cancel := o.shortDeadline(ctx)
	defer cancel()
	o.ended(a, o.w.subject.Store(with(ctx, a), a.batch))
}

func (o *owner) storeAll(ctx context.Context, tasks []task) {
	o.bulk(ctx, tasks, "StoreAll", true, func(ctx context.Context, batches []*batch.Batch) []error {
		return o.w.subject.StoreAll(ctx, batches)
	})
}

func (o *owner) storePipeline(ctx context.Context, tasks []task) {
	ended := make(chan struct{}, len(tasks))
	for _, t := range tasks {
		a, invoke := o.attempt(t, "StoreAsync")
		a.storeOnly = true
		o.w.write(invoke)
		own, cancel := o.shortDeadline(ctx)
		o.w.subject.StoreAsync(with(own, a), a.batch, func(err error) {
			cancel()
			o.ended(a, err)
			ended <- struct{}{}
		})
	}
	for range tasks {
		<-ended
	}
}
