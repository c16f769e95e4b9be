package spoolstore

import (
	"context"
	"errors"
	"log/slog"
)

// Close waits until what was added is synced and what is known of it is
// recorded, or has failed, or ctx ends. A store that is drained is left in the oldest format
// that has room for it.
func (s *Store) Close(ctx context.Context) error {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return nil
	}
	s.closing = true
	s.notifyLocked()
	s.mu.Unlock()
	err := s.drainAdded(ctx)
	close(s.stop)
	close(s.stopWriter)
	s.mu.Lock()
	upTo := s.appended
	s.mu.Unlock()
	s.waitSynced(ctx, upTo)
	close(s.stopKeeper)
	s.mu.Lock()
	s.dead = true
	s.notifyLocked()
	s.mu.Unlock()
	s.running.Wait()
	s.abandonAdded()
	s.flushTurn <- struct{}{} // for ever: no call that came before writes any more
	if err == nil {
		if err := s.leavePlain(ctx); err != nil {
			s.log.Warn("spool: the folder keeps its newer format", slog.String("error", err.Error()))
		}
	}
	s.closeFiles()
	return errors.Join(err, s.fs.Close())
}

// drainAdded waits until no group is on its way.
func (s *Store) drainAdded(ctx context.Context) error {
	for {
		s.mu.Lock()
		idle := s.filling == nil && s.writing == nil
		changed := s.changedLocked()
		s.mu.Unlock()
		if idle {
			return nil
		}
		wake(s.wakeWriter)
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (s *Store) waitSynced(ctx context.Context, upTo uint64) {
	for {
		s.mu.Lock()
		done := s.synced >= upTo
		s.awaited = max(s.awaited, upTo)
		changed := s.changedLocked()
		s.mu.Unlock()
		if done {
			return
		}
		wake(s.wakeKeeper)
		wake(s.wakeKeeperNow)
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// abandonAdded tells those who wait for a group that was never written.
func (s *Store) abandonAdded() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range []*commitGroup{s.writing, s.filling} {
		if g != nil {
			s.finishLocked(g, &UnknownError{ErrClosed})
		}
	}
	s.filling = nil
}

func (s *Store) closeFiles() {
	for _, list := range [][]*segment{s.segments, s.spares, s.lost} {
		for _, seg := range list {
			_ = seg.file.Close() // nothing is expected of it any more
		}
	}
	for _, c := range []*control{s.control, s.tagFile} {
		if c != nil {
			_ = c.file.Close() // the same
		}
	}
}
