package watch

import "time"

// Arm makes sure that the watcher looks. Call it after a batch was accepted.
func (w *Watcher) Arm() {
	if w.armed.Load() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armLocked()
}

func (w *Watcher) armLocked() {
	if !w.closed && w.armed.CompareAndSwap(false, true) {
		w.timer = time.AfterFunc(roundPeriod, w.runRound)
	}
}

// runRound looks once at what waits, and arranges for the next round.
func (w *Watcher) runRound() {
	w.round.Lock()
	defer w.round.Unlock()
	if w.ctx.Err() != nil {
		return
	}
	w.report(w.producerWaiting(w.Threshold))

	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed.Store(false)                       // before Undecided is read: a batch accepted afterwards arms again
	if w.Undecided() > 0 || len(w.waits) > 0 { // the end of a wait is told without a further batch, too
		w.armLocked()
	}
}
