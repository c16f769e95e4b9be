package load

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// A doorstep is a forwarder with a spool as a door sees it, with the defects of doors.
type doorstep struct {
	subject
	spool  *spool.Spool
	defect Defect
	held   *atomic.Bool // no call returns any more: the process is killed
	onHeld func()       // is called when the first one would return
	once   sync.Once
	late   sync.WaitGroup // for what is stored after its answer
}

// Spool has the door store.
func (s *doorstep) Spool() *spool.Spool { return s.spool }

// Store stores a batch.
func (s *doorstep) Store(ctx context.Context, b *batch.Batch, tag ...spool.Tag) error {
	switch s.defect {
	case ForgetsAtRestart:
		tag = nil
	case AnswersEarly:
		s.late.Add(1)
		time.AfterFunc(earlyPatience, func() {
			s.StoreAsync(context.Background(), b, func(error) { s.late.Done() }, tag...)
		})
		return nil
	default:
	}
	err := s.subject.Store(ctx, b, tag...)
	if s.held.Load() {
		if err == nil {
			s.once.Do(s.onHeld)
		}
		select {}
	}
	return err
}

// Shutdown waits for what is stored late: only a kill may lose it.
func (s *doorstep) Shutdown(ctx context.Context) error {
	s.late.Wait()
	return s.subject.Shutdown(ctx)
}
